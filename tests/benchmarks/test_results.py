"""The reports say what the numbers are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from benchmarks.core.steps import Bare, Workload
from benchmarks.ddranking import rounds
from benchmarks.growth.curves import Curve
from benchmarks.growth.result import charts as growth_charts
from benchmarks.growth.result import markdown as growth_markdown
from benchmarks.limit.result import markdown as limit_markdown
from benchmarks.limit.shares import Measured, shares
from benchmarks.rded import result as rded
from benchmarks.rded.layout import names_of
from benchmarks.rded.sides import ONE_CORE, RD3, RD3_OWN, RELEASED
from benchmarks.rded.task import Size, Task
from benchmarks.sre2l import result as sre2l
from benchmarks.start.__main__ import markdown as start_markdown
from benchmarks.start.__main__ import rows_of

MADE = {"epochs": 3, "repeats": 2}
FACTS: dict[str, Any] = {
    **{"device": "cpu", "processor": "a processor", "cores": 2, "memory_gb": 8.0, "load_before": 0.1},
    "versions": {"torch": "2"},
}
BARE = Bare(teacher=0.01, student=0.03, optimiser=0.001, extra=0.01, flops=4e8, bytes=2e7)


def line(text: str, start: str) -> list[str]:
    """The cells of the one row that begins so."""
    (found,) = [row for row in text.splitlines() if row.startswith(f"| {start} |")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def student(training: float, tests: float, *, repeat: int) -> dict[str, Any]:
    factor = 1 + 0.01 * repeat
    return {
        "training": factor * training,
        "tests": factor * tests,
        "student": factor * (training + tests),
        "process": factor * 10,
        "accuracy": 0.3,
        "epochs": 10,
        "batch_size": 50,
        "precision": "float32",
        "steps": "called",
    }


@pytest.fixture
def sides() -> dict[str, list[dict[str, Any]]]:
    seconds = {RELEASED: (8.0, 1.0), ONE_CORE: (4.0, 0.5), RD3: (2.0, 0.25), RD3_OWN: (1.6, 0.2)}
    return {name: [student(*pair, repeat=k) for k in range(3)] for name, pair in seconds.items()}


def rded_task(name: str, size: int) -> Task:
    here = Path()
    return Task(names_of(name, size), name, Size(10, 20, 5, 10), here, here, here, here, {10: here}, 0.5)


def test_rded_is_held_against_the_target_of_its_device(sides: dict[str, list[dict[str, Any]]]) -> None:
    task = rded_task("convnet3-bn-w32", 32)
    text = rded.markdown(task, {10: sides}, {10: BARE}, FACTS, "cpu")
    assert line(text, f"{RELEASED} / {RD3}")[1:3] == ["4.00 [4.00, 4.00]"] * 2
    assert line(text, f"{RELEASED} / {RD3}")[-2:] == ["3", "yes"]
    assert line(text, f"{ONE_CORE} / {RD3}")[-2:] == ["–", "–"]
    step = 1000 * 8.08 / (10 * 2)  # two steps an epoch
    assert line(text, RELEASED)[5] == f"{step:.1f}"
    assert "51.0 ms" in text  # the networks' own part
    assert rded.target_ratio(rded_task("resnet18", 32), 10, "cuda") == 20
    assert rded.target_ratio(rded_task("resnet18", 32), 50, "cuda") is None
    assert "<svg" in rded.chart(task, {10: sides}, "cpu")


def test_sre2l_is_given_seconds_an_image() -> None:
    quality = {"cross_entropy": 0.4, "statistics": 12.0, "as_asked": 0.9}
    found = {
        name: [{"each": seconds * (1 + k / 100), "process": 9.0, **quality} for k in range(3)]
        for name, seconds in ((sre2l.RELEASED, 0.5), (sre2l.ONE_THREAD, 1.0), (sre2l.RD3, 0.25))
    }
    about = {"images": 100, "split": True, "iterations": 5, "batch_size": 100}
    text = sre2l.markdown(found, about, FACTS, {"seconds_an_image": 0.2, "gflops": 2.2, "rate": 40.0})
    assert line(text, "released / rd3")[1] == "2.00 [2.00, 2.00]"
    assert line(text, "released / rd3")[-2:] == ["3", "no"]
    assert "cut into ten by brightness" in text
    assert "<svg" in sre2l.chart(found)


def test_scores_are_compared_by_how_many_students_and_how_long() -> None:
    def run(work: float, trainings: int) -> dict[str, Any]:
        each = {"work": work, "process": work + 5, "training": work / trainings, "trainings": trainings}
        return {**each, "at_once": 2, "tests": 1.0, "accuracy": 0.2}

    found = {
        "ddranking first": [run(96, 16)] * 2,
        "rd3 first": [run(48, 16)] * 2,
        "ddranking second": [run(96, 16)] * 2,
        "rd3 second": [run(30, 10)] * 2,
    }
    text = rounds.markdown(found, FACTS, {"ipc": 1, "train_per_class": 2, "test_per_class": 3, "epochs": 20})
    assert line(text, "second set")[1:] == ["3.20 [3.20, 3.20]", "2.89 [2.89, 2.89]", "2.00 [2.00, 2.00]", "50", "no"]
    assert "1.60 times as many trainings (16 and 10), each 2.00 times as long" in text
    assert "<svg" in rounds.chart(found)


def test_growth_finds_where_a_cost_is_in_proportion() -> None:
    sizes = (1, 2, 4, 8, 16, 32)
    seconds = tuple((0.004 if size < 4 else size / 1000,) for size in sizes)
    curve = Curve("ipc", sizes, seconds, tuple((1e6 * size,) for size in sizes))
    text = growth_markdown([curve], "a model", FACTS, MADE)
    rows = [row for row in text.splitlines() if row.startswith("| images per class | ")]
    assert "4 to 32" in rows[1 - 1]
    assert "1 to 32" in rows[1]
    assert line(text, "4")[1:3] == ["4.0", "0.00"]
    assert line(text, "8")[1:3] == ["8.0", "1.00"]
    assert all(svg.startswith("<svg") for svg in growth_charts([curve]).values())


def test_work_over_a_side_is_in_proportion_to_pixels() -> None:
    sides = (32, 64, 128)
    curve = Curve("size", sides, tuple((1 + side**2 / 64**2,) for side in sides), ((1.0,), (2.0,), (4.0,)))
    law = curve.law("seconds")
    assert law["affine"]["fixed"] == pytest.approx(1)
    assert law["knee"] == pytest.approx(64**2)
    pure = Curve("size", sides, tuple((side**2 / 1e3,) for side in sides), ((1.0,), (2.0,), (4.0,)))
    (row,) = [
        one for one in growth_markdown([pure], "a model", FACTS, MADE).splitlines() if "| side, px | seconds" in one
    ]
    assert "2.00" in row
    assert "32 to 128" in row


def test_a_step_is_held_against_the_multiplication() -> None:
    work = Workload("convnet3-bn", 32, 50)
    parts = {"teacher": 0.01, "augmentation": 0.002, "student": 0.03, "optimiser": 0.001}
    measured = Measured(work, (0.05, 0.04, 0.06), parts, 0.1, shares(parts, 0.05, 0.1), BARE)
    assert (measured.images, measured.rate, measured.intensity) == pytest.approx((1000, 8e9, 20))
    text = limit_markdown([measured], {"float32": 4e10, "copy": 1e9}, FACTS, "float32", MADE | {"ipc": (10, 2)})
    assert line(text, "float32")[1] == "40.0 GFLOP"
    assert "| 20 % | 24 % | 50 % | no |" in text  # of the multiplication; the networks alone; target
    assert "the roof is 50 % of the multiplication, of which the step reaches 40 %" in text


def test_imports_are_judged_by_what_they_take_beyond_torch() -> None:
    times = {"import torch": [2.0, 2.1], "import rd3": [2.4, 2.5], "rd3 --help": [1.6, 1.7]}
    text = start_markdown(rows_of(times), {"import rd3": {"torch": 2.0}}, FACTS)
    assert line(text, "import rd3")[1:] == ["2.45 ± 0.64", "0.40 ± 0.00", "under 1", "yes"]
    assert line(text, "rd3 --help")[-2:] == ["under 1.5", "no"]
