"""What came out, as JSON, Markdown and charts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.core.charts import growth_chart
from benchmarks.core.facts import described
from benchmarks.core.powers import Exponent
from benchmarks.core.write import table
from benchmarks.growth.curves import AXES, BASE, Curve

SCHEMA = "rd3.benchmark.growth/1"


def result_of(curves: Sequence[Curve], model: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Everything."""
    return {
        "schema": SCHEMA,
        "facts": facts,
        "model": model,
        "base": BASE,
        "curves": [curve.as_json() for curve in curves],
    }


def markdown(curves: Sequence[Curve], model: str, facts: dict[str, Any], made: dict[str, Any]) -> str:
    """The tables.

    Args:
        made: `epochs` that were timed and `repeats`.
    """
    head = (
        f"# How cost grows\n\nAn epoch of {model} under the protocol `rd3` (batch 50, labels by a teacher of the same"
        " architecture), on noise: 10 classes, IPC 10, 32 px, one size changed at a time. Seeds in flight are students"
        " under `rd3-demo-hard` on digits: one in a process that is there, several in one each, with their start."
        f" {made['repeats']} repetitions, {made['epochs']} epochs timed in each.\n\n{described(facts)}\n\nMemory is the"
        " process's growth on a CPU (all processes whole for seeds), the device's peak on a GPU."
    )
    rows = [_law(curve, cost) for curve in curves for cost in ("seconds", "memory")]
    columns = ("size", "cost", "exponent", "in the upper half", "in proportion", "fixed part equals the rest at")
    return "\n\n".join([head, table(columns, rows), *(_section(curve, facts["cores"]) for curve in curves)]) + "\n"


def _law(curve: Curve, cost: str) -> tuple[str, ...]:
    law = curve.law(cost)
    exponents = [str(Exponent(**law[key])) for key in ("exponent", "upper_exponent")]
    found = law["proportional"]
    span = "nowhere" if found is None else " to ".join(f"{_size(curve, place):.0f}" for place in found)
    return (AXES[curve.axis], cost, *exponents, span, knee(curve, cost))


def knee(curve: Curve, cost: str) -> str:
    """At what size what is done anyway costs as much as what grows."""
    place = curve.law(cost)["knee"]
    if place is None:
        return "never"
    return f"{_size(curve, place):.1f}"


def _size(curve: Curve, place: float) -> float:
    """A size on the curve's axis, where work is in proportion to its square for a side."""
    return place**0.5 if curve.axis == "size" else place


def _section(curve: Curve, cores: int) -> str:
    seconds, memory = dict(curve.points("seconds")), dict(curve.points("memory"))
    steps = ["–", *(f"{step:.2f}" for step in curve.law("seconds")["local"])]
    rows = [
        (f"{size:g}", f"{1000 * seconds[size]:.1f}", step, f"{memory[size] / 1e6:.0f}")
        for size, step in zip(seconds, steps, strict=True)
    ]
    head = (AXES[curve.axis], "ms", "exponent from the one before", "memory, MB")
    return f"## {AXES[curve.axis]}\n\n{table(head, rows)}\n\n{why(curve, cores)}"


def why(curve: Curve, cores: int) -> str:
    """Where time stops being in proportion, and the cause."""
    law = curve.law("seconds")
    fixed, each = law["affine"]["fixed"], law["affine"]["each"]
    unit = {"ipc": "image a class", "classes": "class", "size": "pixel", "seeds": "seed"}[curve.axis]
    causes = {
        "ipc": "an epoch below one batch of 50 is one step, in which a CPU still computes in proportion to its images;"
        " above, steps are in proportion to images",
        "classes": "images grow with classes, and steps with images; the last layer and its optimiser grow besides",
        "size": "work is in proportion to pixels, so an exponent of 2 is in proportion; a step's overhead is not, and"
        " feature maps that no cache holds any more cost more than in proportion",
        "seeds": f"from 2 on each has a process, whose start costs seconds; up to {cores} have a core each, more share",
    }
    return f"Time is about {1000 * fixed:.2f} ms + {1000 * each:.4g} ms for each {unit}: {causes[curve.axis]}."


def charts(curves: Sequence[Curve]) -> dict[str, str]:
    """Time and memory over each size."""
    found = {}
    for curve in curves:
        x = AXES[curve.axis]
        found[f"{curve.axis}-seconds"] = growth_chart({"seconds": curve.points("seconds")}, x=x, y="seconds")
        memory = [(size, cost / 1e6) for size, cost in curve.points("memory")]
        found[f"{curve.axis}-memory"] = growth_chart({"memory": memory}, x=x, y="memory, MB")
    return found
