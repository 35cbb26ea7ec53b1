"""Unfinished work: its parts are whole or not there, and belong to one environment."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest
import torch

from rd3.base.keep import Place
from rd3.study.jobs.base import JobKey
from rd3.study.meter import Meter
from rd3.study.partial import Partial

CPU, KEY = torch.device("cpu"), JobKey("synthetic", "f00d")
IMAGES = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
STATE = {"images": IMAGES, "count": torch.tensor(3), "average": torch.rand(2, 5, dtype=torch.float64).T}


def filled(folder: Path) -> Partial:
    partial = Partial(folder)
    for number in range(3):
        partial.save(f"batch-{number}", STATE, Place(number + 1, 10, "batches"))
    return partial


def test_parts_come_back_bit_by_bit(tmp_path: Path) -> None:
    filled(tmp_path)
    found = Partial(tmp_path).load("batch-1")
    assert found is not None
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) and found[name].dtype == STATE[name].dtype for name in STATE)
    assert Partial(tmp_path).load("batch-3") is None
    assert str(Partial(tmp_path).place) == "3 of 10 batches"
    assert Partial(tmp_path / "nothing").place is None


@pytest.mark.parametrize("where", [0.02, 0.3, 0.6, 0.99])
def test_a_damaged_part_is_as_if_it_were_not_there(where: float, tmp_path: Path) -> None:
    partial, file = filled(tmp_path), tmp_path / "batch-2.safetensors"
    content = bytearray(file.read_bytes())
    content[int(where * len(content))] ^= 4
    file.write_bytes(content)
    assert partial.load("batch-2") is None
    assert str(partial.place) == "2 of 10 batches"
    file.write_bytes(content[:100])
    assert partial.load("batch-2") is None
    partial.save("batch-2", STATE, Place(3, 10, "batches"))
    assert partial.load("batch-2") is not None


def test_earlier_attempts_are_paid_for(tmp_path: Path) -> None:
    first = Meter(CPU)
    first.resume(100.0, 7)
    Partial(tmp_path, None)
    partial = Partial(tmp_path, first)
    partial.save("batch-0", STATE, Place(1, 2, "batches"))
    second = Meter(CPU)
    Partial(tmp_path, second)
    assert second.seconds > 100
    assert second.bytes >= 7
    before = second.seconds
    second.charge(1000.0)
    assert second.seconds < before + 500, "the earlier attempt has paid for shared results"
    fresh = Meter(CPU)
    fresh.charge(1000.0)
    assert fresh.seconds > 1000


def test_memory_that_grew_is_seen() -> None:
    meter = Meter(CPU)
    ballast = mmap.mmap(-1, 2**27)  # no allocator can have it left from earlier tests
    ballast.write(bytes(range(256)) * 2**19)
    ballast.close()
    assert meter.bytes > 2**26  # Linux counts pages a little late
    assert Meter(CPU).bytes <= meter.bytes
