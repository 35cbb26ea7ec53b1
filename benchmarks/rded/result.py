"""What came out, as JSON, Markdown and a chart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.core.charts import ratio_chart
from benchmarks.core.compare import Comparison, Runs, mean, pm
from benchmarks.core.facts import described
from benchmarks.core.processes import Done
from benchmarks.core.ratios import Ratio
from benchmarks.core.steps import Bare
from benchmarks.core.write import table
from benchmarks.rded.sides import ONE_CORE, RD3, RD3_OWN, RELEASED
from benchmarks.rded.task import Task

SCHEMA = "rd3.benchmark.rded/1"
PARTS = {"student": "training and tests", "training": "training", "tests": "tests", "process": "whole process"}
GPU_TARGET = 20.0  # ResNet-18, IPC 10
CPU_TARGET = 3.0  # ConvNet-3, width 32
Sides = Mapping[str, Runs]


def run_of(done: Done) -> dict[str, Any]:
    """One student: seconds, and its accuracy after the last epoch."""
    found = done.found
    return {
        **found,
        "student": found["training"] + found["tests"],
        "process": done.seconds,
        "accuracy": found["accuracies"][-1],
    }


def target_ratio(task: Task, ipc: int, device: str) -> float | None:
    """What is aimed at, where something is."""
    if device.startswith("cuda"):
        return GPU_TARGET if ipc == 10 and task.student == "resnet18" and task.names.subset == "cifar10" else None
    return CPU_TARGET if task.student == "convnet3-bn-w32" else None


def comparisons(sides: Sides, target: float | None) -> list[Comparison]:
    """rd3 against the released code, as it is released and on one thread."""
    pairs = [(RELEASED, RD3, target), (ONE_CORE, RD3, None), (RELEASED, RD3_OWN, None)]
    return [
        Comparison(f"{slow} / {fast}", sides[slow], sides[fast], list(PARTS), target=goal)
        for slow, fast, goal in pairs
        if {slow, fast} <= sides.keys()
    ]


def result_of(
    task: Task, found: Mapping[int, Sides], bare: Mapping[int, Bare], facts: dict[str, Any], device: str
) -> dict[str, Any]:
    """Everything, by images a class."""
    return {
        "schema": SCHEMA,
        "facts": facts,
        "target": task.names.subset,
        "student": task.student,
        "size": asdict(task.size),
        "teacher_accuracy": task.teacher_accuracy,
        "ipc": {
            str(ipc): {
                "sides": {name: list(runs) for name, runs in sides.items()},
                "comparisons": [one.as_json() for one in comparisons(sides, target_ratio(task, ipc, device))],
                "bare_step": asdict(bare[ipc]),
            }
            for ipc, sides in found.items()
        },
    }


def markdown(
    task: Task, found: Mapping[int, Sides], bare: Mapping[int, Bare], facts: dict[str, Any], device: str
) -> str:
    """The tables."""
    size = task.size
    head = (
        "# One student under RDED's protocol\n\n"
        f"RDED's released validation code and rd3 train {task.student} on the same pictures ({task.names.subset}), with"
        f" the same teacher ({100 * task.teacher_accuracy:.1f} % of the test images right), {size.epochs} epochs,"
        f" CutMix, the teacher's labels on every batch, and are tested on {10 * size.test_per_class} images.\n\n"
        f"{described(facts)}\n\n"
        "Means and geometric means of ratios over repetitions, with 95 % t-intervals; the sides take turns."
    )
    parts = [_section(task, ipc, sides, bare[ipc], device) for ipc, sides in found.items()]
    return "\n\n".join([head, *parts, NOTES]) + "\n"


def _section(task: Task, ipc: int, sides: Sides, bare: Bare, device: str) -> str:
    rows = [_side(name, runs, ipc) for name, runs in sides.items()]
    compared = comparisons(sides, target_ratio(task, ipc, device))
    times = table(("", *(f"{name}, s" for name in PARTS.values()), "a step, ms", "test accuracy, %"), rows)
    ratios = table(("ratio", *PARTS.values(), "target", "reached"), [one.row() for one in compared])
    return f"## IPC {ipc}\n\n{times}\n\n{ratios}\n\n{_limit(sides, bare, ipc)}"


def _side(name: str, runs: Runs, ipc: int) -> tuple[str, ...]:
    cells = [pm(mean(runs, part)) for part in PARTS]
    step = 1000 * mean(runs, "training").mean / steps(runs, ipc)
    return (name, *cells, f"{step:.1f}", pm(mean(runs, "accuracy"), 1, factor=100))


def steps(runs: Runs, ipc: int) -> int:
    """Optimiser steps of one student."""
    images = 10 * ipc
    return int(runs[0]["epochs"]) * -(-images // min(int(runs[0]["batch_size"]), images))


def _limit(sides: Sides, bare: Bare, ipc: int) -> str:
    """What the networks alone cost, and so how much quicker than the released code anything in torch could be."""
    network = bare.seconds + bare.extra
    released = mean(sides[RELEASED], "training").mean / steps(sides[RELEASED], ipc)
    own = mean(sides[RD3], "training").mean / steps(sides[RD3], ipc)
    return (
        f"rd3 computes in {sides[RD3][0]['precision']}, its steps are {sides[RD3][0]['steps']}; the released code has"
        " torch's defaults, which on a GPU are TF32 in convolutions.\n\n"
        "The networks' part of a step, in plain torch and rd3's precision (a graph on a GPU) on a batch that is ready:"
        f" {1000 * network:.1f} ms (teacher"
        f" {1000 * bare.teacher:.1f}, student {1000 * bare.student:.1f}, its second pass {1000 * bare.extra:.1f},"
        f" optimiser {1000 * bare.optimiser:.1f}). It is {100 * network / own:.0f} % of rd3's step and"
        f" {100 * network / released:.0f} % of the released one, so that a loop of the same operations without any"
        f" overhead would train {released / network:.1f} times as quickly as the released code."
    )


def chart(task: Task, found: Mapping[int, Sides], device: str) -> str:
    """Ratios of training and tests."""
    ratios: dict[str, Ratio] = {}
    targets: dict[str, float] = {}
    for ipc, sides in found.items():
        for one in comparisons(sides, target_ratio(task, ipc, device)):
            name = f"IPC {ipc}: {one.name}"
            ratios[name] = one.ratios["student"]
            targets |= {} if one.target is None else {name: one.target}
    return ratio_chart(ratios, targets, title="times as quick as RDED's released code")


NOTES = """## What is the same, and what is not

* `rd3 rded-code` does what the released code does, with its second pass of the student for BatchNorm and its tests in
  the last fifth of the epochs; `rd3 rded` leaves the second pass out.
* `released` has the threads of all cores and its own number of loader processes; `released, one thread` has neither.
  rd3 trains one student on one thread and leaves the other cores to other students.
* Seeds and generators differ, so accuracies agree within noise, not bit by bit.
* The whole process is from its start to its end, with imports and reading pictures; rd3's also tests the teacher on the
  test images before it believes it.
"""
