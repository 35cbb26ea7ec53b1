"""What came out, as JSON, Markdown and a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.core.charts import ratio_chart
from benchmarks.core.compare import Comparison, Runs, mean, pm
from benchmarks.core.facts import described
from benchmarks.core.write import table

SCHEMA = "rd3.benchmark.sre2l/1"
RELEASED, ONE_THREAD, RD3 = "released", "released, one thread", "rd3"
EVERY_CORE = "rd3, a process a core"  # several batches at a time, as rd3 does them on a CPU
BF16 = "rd3, bf16"
TARGET = 3.0
PARTS = {"each": "recovering", "process": "whole process"}
Sides = Mapping[str, Runs]


def comparisons(sides: Sides) -> list[Comparison]:
    """rd3 against the released code."""
    pairs = [(RELEASED, RD3, TARGET), (RELEASED, EVERY_CORE, TARGET), (RELEASED, BF16, TARGET), (ONE_THREAD, RD3, None)]
    return [
        Comparison(f"{slow} / {quick}", sides[slow], sides[quick], list(PARTS), target=goal)
        for slow, quick, goal in pairs
        if {slow, quick} <= sides.keys()
    ]


def result_of(sides: Sides, task: dict[str, Any], facts: dict[str, Any], network: dict[str, float]) -> dict[str, Any]:
    """Everything."""
    return {
        "schema": SCHEMA,
        "facts": facts,
        "task": task,
        "network": network,
        "sides": {name: list(runs) for name, runs in sides.items()},
        "comparisons": [one.as_json() for one in comparisons(sides)],
    }


def markdown(sides: Sides, task: dict[str, Any], facts: dict[str, Any], network: dict[str, float]) -> str:
    """The tables."""
    made = ", each of ten classes cut into ten by brightness" if task["split"] else ""
    rows = [
        (
            name,
            pm(mean(runs, "each"), 3),
            pm(mean(runs, "process"), 1),
            pm(mean(runs, "cross_entropy"), 3),
            pm(mean(runs, "statistics"), 1),
            pm(mean(runs, "as_asked"), 1, factor=100),
        )
        for name, runs in sides.items()
    ]
    head = ("", "s an image", "whole process, s", "cross-entropy", "BN statistics", "as asked, %")
    ratios = table(("ratio", *PARTS.values(), "target", "reached"), [one.row() for one in comparisons(sides)])
    own, alone = mean(sides[RD3], "each").mean, network["seconds_an_image"]
    return (
        "# SRe2L: recovering images\n\n"
        f"Its released code for CIFAR and rd3 recover {task['images']} images, one of each of a hundred"
        f" classes{made}, {task['iterations']} iterations at batch {task['batch_size']}, from the same ResNet-18.\n\n"
        f"{described(facts)}\n\nMeans with 95 % t-intervals over repetitions; the sides take turns. Quality is what the"
        " teacher makes of the images as 8-bit pictures: its cross-entropy, the distance of their BatchNorm statistics"
        f" (first layer x10), and how many it classifies as asked.\n\n{table(head, rows)}\n\n{ratios}\n\n"
        f"The network alone, forward and backward to the pixels in plain torch (a graph on a GPU), takes {alone:.3f} s"
        f" an image, which is {100 * alone / own:.0f} % of rd3's time: {network['gflops']:.1f} GFLOP an image and"
        f" iteration, at {network['rate']:.0f} GFLOP/s. Without any overhead at the same operations, a recovery would"
        f" be {mean(sides[RELEASED], 'each').mean / alone:.1f} times as quick as the released one.\n"
    )


def chart(sides: Sides) -> str:
    """Ratios of recovering."""
    found = comparisons(sides)
    targets = {one.name: one.target for one in found if one.target is not None}
    return ratio_chart({one.name: one.ratios["each"] for one in found}, targets, title="times as quick as SRe2L's code")
