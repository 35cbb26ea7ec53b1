"""How much quicker a first and a second set are scored: both sides in turn, round by round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.core.charts import ratio_chart
from benchmarks.core.clock import in_turn
from benchmarks.core.compare import Comparison, mean, pm
from benchmarks.core.facts import described
from benchmarks.core.write import table
from benchmarks.ddranking.sides import Outcome, Sides

SCHEMA = "rd3.benchmark.ddranking-cost/1"
TARGETS = {"first": 5.0, "second": 50.0}
PARTS = {"work": "scoring", "process": "whole process", "training": "one training"}
Rounds = Mapping[str, Sequence[dict[str, Any]]]


@dataclass(frozen=True)
class Cost:
    """The four processes of a round; in every round rd3 begins with an empty store.

    Attributes:
        sides: on a task of one repeat.
        methods: that made the two sets.
    """

    sides: Sides
    methods: tuple[str, str]

    def rounds(self, count: int) -> Rounds:
        names = dict(zip(("first", "second"), self.methods, strict=True))
        several = {
            f"{side} {place}": (lambda number, side=side, method=method: self.one(side, method, number))
            for place, method in names.items()
            for side in ("ddranking", "rd3")
        }
        return in_turn(several, count)

    def one(self, side: str, method: str, number: int) -> dict[str, Any]:
        here = self.sides.work / f"round-{number}"
        here.mkdir(exist_ok=True)
        sides = replace(self.sides, work=here)
        if side == "rd3":
            return run_of(sides.ours(method, "held-out"), cores=self.sides.cores)
        return run_of(sides.peer(method, repeats=1), cores=1)


def run_of(outcome: Outcome, *, cores: int) -> dict[str, Any]:
    """Seconds of a score, of its process, and of one training with all cores' worth of them at a time.

    Args:
        cores: trainings at once.
    """
    found, count = outcome.found, len(outcome.trainings)
    notes = found.get("trainings", ())
    accuracies = [one.accuracy for one in outcome.trainings]
    return {
        "work": found["compute_seconds"],
        "process": outcome.seconds,
        "training": found["compute_seconds"] / count,
        "trainings": count,
        "at_once": cores,
        "tests": sum(note["test_seconds"] for note in notes) if notes else _reports(found) / cores,
        "accuracy": sum(accuracies) / count,
    }


def _reports(found: Mapping[str, Any]) -> float:
    return float(sum(record["seconds"]["report"] for record in found["records"]))


def comparisons(found: Rounds) -> list[Comparison]:
    """ddranking over rd3, for the first set and for the second."""
    return [
        Comparison(f"{place} set", found[f"ddranking {place}"], found[f"rd3 {place}"], list(PARTS), target=goal)
        for place, goal in TARGETS.items()
    ]


def result_of(found: Rounds, facts: dict[str, Any], size: dict[str, Any]) -> dict[str, Any]:
    """Everything."""
    compared = [one.as_json() for one in comparisons(found)]
    return {"schema": SCHEMA, "facts": facts, "size": size, "rounds": dict(found), "comparisons": compared}


def markdown(found: Rounds, facts: dict[str, Any], size: dict[str, Any]) -> str:
    """The tables."""
    rows = [
        (
            name,
            pm(mean(runs, "work"), 1),
            pm(mean(runs, "process"), 1),
            str(runs[0]["trainings"]),
            pm(mean(runs, "training")),
            f"{100 * mean(runs, 'tests').mean / mean(runs, 'work').mean:.0f}",
            pm(mean(runs, "accuracy"), 1, factor=100),
        )
        for name, runs in found.items()
    ]
    head = ("", "scoring, s", "whole process, s", "trainings", "s a training", "tests, %", "mean accuracy, %")
    columns = ("ddranking / rd3", *PARTS.values(), "target", "reached")
    ratios = table(columns, [one.row() for one in comparisons(found)])
    return (
        "# What scoring with ddranking 0.2.0 and with rd3 costs\n\n"
        f"LRS of two sets of {size['ipc']} images a class, one after the other, one repeat: {size['train_per_class']}"
        f" training and {size['test_per_class']} test images a class of CIFAR-10, ConvNet-3-BN, {size['epochs']}"
        " epochs.\n\n"
        f"{described(facts)}\n\nMeans and geometric means of ratios over rounds, with 95 % t-intervals; the sides take"
        f" turns. rd3 has {found['rd3 first'][0]['at_once']} trainings at once. Accuracies are those that each side"
        " chooses rates by, ddranking's on the test images, rd3's on training images held out, and of the whole target,"
        f" which has no rate to choose, those on the test images.\n\n{table(head, rows)}\n\n{ratios}\n\n"
        f"{_says(found)}\n"
    )


def _says(found: Rounds) -> str:
    """What the ratios are made of: how many students each side trains, and how long one takes it."""
    lines = []
    for one, place in zip(comparisons(found), TARGETS, strict=True):
        theirs, own = (found[f"{side} {place}"][0]["trainings"] for side in ("ddranking", "rd3"))
        lines.append(
            f"* The {place} set: {theirs / own:.2f} times as many trainings ({theirs} and {own}), each"
            f" {one.ratios['training'].mean:.2f} times as long. With trainings as they are, their number alone would"
            f" have to differ by {TARGETS[place] / one.ratios['training'].mean:.1f} for the target."
        )
    return "\n".join(lines)


def chart(found: Rounds) -> str:
    """Ratios of scoring."""
    compared = comparisons(found)
    ratios = {one.name: one.ratios["work"] for one in compared}
    return ratio_chart(
        ratios, {one.name: one.target or 0 for one in compared}, title="times as quick as ddranking 0.2.0"
    )
