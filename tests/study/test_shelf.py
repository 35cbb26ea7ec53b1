"""Statistics of a target inside a teacher are taken once for all processes."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.models.create import create_model
from rd3.squeeze.bank import Watched, statistics_bank
from rd3.squeeze.readings import Channels, Tiles
from rd3.squeeze.teacher import Teacher
from rd3.study.meter import Meter
from rd3.study.shelf import StatisticsShelf
from rd3.study.store import Store, problem

CPU = torch.device("cpu")
NORMS, TILES = Watched("bn", Channels()), Watched("conv", Tiles(4))
FIELDS = ("count", "mean", "variance", "within")


class Counting(MemoryImages):
    """Images that remember how many of them were asked for."""

    asked = 0

    def batch(self, indices: Tensor) -> Tensor:
        self.asked += len(indices)
        return super().batch(indices)


@pytest.fixture
def few() -> Target:
    digits = load_target("digits")
    rows = torch.arange(90)
    return dataclasses.replace(digits, train=Counting(digits.train.batch(rows), digits.train.labels[rows]))


@pytest.fixture
def teacher(few: Target) -> Teacher:
    model = create_model("convnet2-bn-w8", classes=10, size=8, channels=1, seed=0)
    return Teacher(model, "convnet2-bn-w8", few.mean, few.std, few.classes, "a teacher", 0.0, 0.0)


def same(first: list, second: list) -> bool:
    return all(
        torch.equal(getattr(one, field), getattr(other, field))
        for one, other in zip(first, second, strict=True)
        for field in FIELDS
    )


def test_a_second_process_reads_what_the_first_one_found(few: Target, teacher: Teacher, tmp_path: Path) -> None:
    in_memory = statistics_bank(teacher, few, [NORMS, TILES], device=CPU)
    few.train.asked = 0
    shelf = StatisticsShelf(Store(tmp_path), Meter(CPU))
    found = statistics_bank(teacher, few, [NORMS, TILES], device=CPU, shelf=shelf)
    assert few.train.asked == len(few.train)
    meter = Meter(CPU)
    later = statistics_bank(teacher, few, [TILES, NORMS], device=CPU, shelf=StatisticsShelf(Store(tmp_path), meter))
    assert few.train.asked == len(few.train), "read, not taken again"
    for one in (NORMS, TILES):
        assert same(found[one], in_memory[one])
        assert same(later[one], in_memory[one])
    assert len(list((tmp_path / "store" / "statistics").iterdir())) == 2


def test_what_is_read_costs_what_it_cost(tmp_path: Path) -> None:
    store = Store(tmp_path)
    StatisticsShelf(store, Meter(CPU)).save({"of": "something"}, {"values": torch.ones(2)}, seconds=500.0)
    meter = Meter(CPU)
    found = StatisticsShelf(store, meter).load({"of": "something"})
    assert found is not None
    assert torch.equal(found["values"], torch.ones(2))
    assert 500 <= meter.seconds < 600
    assert StatisticsShelf(store, meter).load({"of": "something else"}) is None


def test_other_teachers_targets_and_readings_have_their_own(few: Target, teacher: Teacher, tmp_path: Path) -> None:
    def taken(teacher: Teacher, target: Target, watched: Watched) -> int:
        before = target.train.asked
        statistics_bank(teacher, target, [watched], device=CPU, shelf=StatisticsShelf(Store(tmp_path), Meter(CPU)))
        return int(target.train.asked - before)

    assert taken(teacher, few, NORMS) == 90
    assert taken(teacher, few, NORMS) == 0
    assert taken(dataclasses.replace(teacher, fingerprint="another"), few, NORMS) == 90
    assert taken(teacher, dataclasses.replace(few, pixel_hash="other pixels"), NORMS) == 90
    assert taken(teacher, few, TILES) == 90
    assert taken(teacher, few, Watched("conv", Tiles(2))) == 90


def test_damaged_statistics_are_taken_again(few: Target, teacher: Teacher, tmp_path: Path) -> None:
    def bank() -> list:
        shelf = StatisticsShelf(Store(tmp_path), Meter(CPU))
        return statistics_bank(teacher, few, [NORMS], device=CPU, shelf=shelf)[NORMS]

    first = bank()
    (entry,) = (tmp_path / "store" / "statistics").iterdir()
    file = entry / "statistics.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    assert same(bank(), first)
    assert few.train.asked == 2 * len(few.train)
    assert problem(entry) is None


def test_methods_share_them_through_the_store(tmp_path: Path) -> None:
    """Two processes, two methods with one need: LPLD's class statistics serve WMDD."""
    words = ["digits", "--ipc", "1", "--device", "cpu", "--workers", "1", "-p", "iterations=2", "--home", str(tmp_path)]
    words += ["--teacher-model", "convnet1-bn-w8", "--teacher-epochs", "1"]
    entries = tmp_path / "store" / "statistics"
    kept = None
    for method in ("lpld", "wmdd"):
        command = [
            sys.executable,
            "-c",
            "from rd3.cli import main; raise SystemExit(main())",
            "distill",
            method,
            *words,
        ]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        (entry,) = entries.iterdir()
        assert kept in (None, entry.stat().st_mtime_ns)
        kept = entry.stat().st_mtime_ns
