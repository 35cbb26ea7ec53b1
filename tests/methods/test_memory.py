"""What methods say of their memory, against what a process grows by."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.methods.quick import quick_method

from rd3.data.load import load_target
from rd3.methods.base import METHODS
from rd3.recover.memory import _of_teacher

MEBIBYTE = 2**20
SIGNIFICANT = 40 * MEBIBYTE  # below it a statement is mostly what libraries may take


@pytest.fixture(scope="module")
def grown() -> dict[str, dict[str, int]]:
    """Statement and growth in bytes of every method on digits of 64 px, each in a process of its own."""
    script = Path(__file__).with_name("grown.py")
    done = subprocess.run(
        [sys.executable, str(script), *METHODS.names()],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {str(row["method"]): row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a part of a process")
@pytest.mark.parametrize("name", METHODS.names())
def test_a_method_takes_no_more_memory_than_it_states_and_not_much_less(name: str, grown: dict) -> None:
    row = grown[name]
    assert row["grown"] <= row["stated"]
    if row["grown"] > SIGNIFICANT:
        assert row["stated"] <= 8 * row["grown"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a part of a process")
def test_the_statements_are_put_to_the_test(grown: dict) -> None:
    """Most methods take so much here that what libraries may take is the smaller part."""
    assert sum(row["grown"] > SIGNIFICANT for row in grown.values()) > len(grown) / 2


def test_what_two_jobs_have_in_common_is_tried_once() -> None:
    target, models, before = load_target("digits"), ("convnet1-bn-w8",), _of_teacher.cache_info()
    stated = [quick_method("sre2l", target, 1).memory(target, 1, models, torch.device("cpu")) for _ in range(3)]
    now = _of_teacher.cache_info()
    assert (now.misses - before.misses, now.hits - before.hits, len(set(stated))) == (1, 2, 1)
