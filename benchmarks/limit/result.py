"""What came out, as JSON, Markdown and charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.core.charts import roofline_chart, share_chart
from benchmarks.core.facts import described
from benchmarks.core.write import table
from benchmarks.limit.shares import Measured

SCHEMA = "rd3.benchmark.limit/1"
TARGET = 0.5
AIMED_AT = {"cuda": "resnet18, 224 px", "cpu": "convnet3-bn, 32 px"}
Rates = Mapping[str, float]


def result_of(found: Sequence[Measured], rates: Rates, facts: dict[str, Any], precision: str) -> dict[str, Any]:
    """Everything."""
    return {
        "schema": SCHEMA,
        "facts": facts,
        "rates": dict(rates),
        "precision": precision,
        "workloads": {one.work.name: one.as_json() for one in found},
    }


def markdown(
    found: Sequence[Measured], rates: Rates, facts: dict[str, Any], precision: str, made: dict[str, Any]
) -> str:
    """The tables.

    Args:
        made: `epochs`, `repeats` and `ipc` of each workload.
    """
    measured = table(
        ("measured here", "a second"),
        [(name, f"{rate / 1e9:.1f} {'GB' if name == 'copy' else 'GFLOP'}") for name, rate in rates.items()],
    )
    head = (
        "# Against the limit\n\nTraining steps of rd3's loop as the protocol `rd3` has them (a batch of 50 or the whole"
        " set, a teacher of the same architecture labels every batch), on noise.\n\n"
        f"{described(facts)}\n\n{measured}\n\n"
        f"Shares of the {precision} multiplication; rd3's CPU process has one thread. {_made(made)}"
    )
    parts = [_speeds(found, rates, precision, facts["device"]), _shares(found), _says(found, rates, precision)]
    return "\n\n".join([head, *parts]) + "\n"


def _made(made: dict[str, Any]) -> str:
    ipc = ", ".join(map(str, made["ipc"]))
    return f"{made['repeats']} repetitions of {made['epochs']} epochs, the first of which is not counted; IPC {ipc}."


def _speeds(found: Sequence[Measured], rates: Rates, precision: str, device: str) -> str:
    head = (
        "",
        "batch",
        "step, ms",
        "images/s",
        "GFLOP/s",
        "of the multiplication",
        "networks alone",
        "target",
        "reached",
    )
    rows = []
    for one in found:
        share = one.rate / rates[precision]
        network = one.bare.flops / one.bare.seconds / rates[precision]
        aimed = one.work.name == AIMED_AT[device]
        reached = ("yes" if share >= TARGET else "no") if aimed else "–"
        numbers = (f"{1000 * one.seconds:.2f}", f"{one.images:.0f}", f"{one.rate / 1e9:.1f}", f"{100 * share:.0f} %")
        goal = f"{100 * TARGET:.0f} %" if aimed else "–"
        rows.append((one.work.name, str(one.work.batch), *numbers, f"{100 * network:.0f} %", goal, reached))
    alone = (
        "Networks alone: teacher, student and optimiser in plain torch on a batch that is ready, on a GPU as graphs."
    )
    return f"{table(head, rows)}\n\n{alone}"


def _shares(found: Sequence[Measured]) -> str:
    parts = list(found[0].shares)
    rows = [
        (one.work.name, *(f"{100 * one.shares[part]:.1f}" for part in parts), f"{100 * one.idle:.1f}") for one in found
    ]
    return (
        f"Shares of a step, %; *waiting* is all the time in which nothing was computed, wherever in the step it lies"
        f" (other programs' turns on a busy CPU count too):\n\n{table(('', *parts, 'waiting'), rows)}"
    )


def _says(found: Sequence[Measured], rates: Rates, precision: str) -> str:
    knee = rates[precision] / rates["copy"]
    lines = [
        f"* {one.work.name}: {one.intensity:.1f} FLOP a byte, where {knee:.0f} are needed to be bound by arithmetic;"
        f" the roof is {100 * min(1, one.intensity / knee):.0f} % of the multiplication, of which the step reaches"
        f" {100 * one.rate / min(rates[precision], rates['copy'] * one.intensity):.0f} %."
        for one in found
    ]
    return "\n".join(
        [
            *lines,
            "",
            "Bytes are those that every operation reads and writes once, none merged with the next and none kept in a"
            " cache, so that a step may lie above the roof.",
        ]
    )


def charts(found: Sequence[Measured], rates: Rates, precision: str) -> dict[str, str]:
    """The roofline, and the shares."""
    points = {one.work.name: (one.intensity, one.rate) for one in found}
    return {
        "roofline": roofline_chart(points, peak=rates[precision], bandwidth=rates["copy"]),
        "shares": share_chart({one.work.name: one.shares for one in found}, title="share of a step"),
    }
