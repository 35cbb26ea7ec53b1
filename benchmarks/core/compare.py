"""Sides of a comparison as rows: means of their times, ratios between them, and equal accuracy beside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.core.ratios import Ratio, ratio

from rd3.scores.intervals import Interval, t_interval

Runs = Sequence[Mapping[str, Any]]


class Comparison:
    """One side against another, repetition by repetition.

    Attributes:
        name: for tables and charts.
        target: the ratio that is aimed at, or None.
        ratios: of every measured part, slow over fast.
    """

    def __init__(self, name: str, slow: Runs, fast: Runs, parts: Sequence[str], *, target: float | None = None) -> None:
        self.name = name
        self.target = target
        self.ratios: dict[str, Ratio] = {part: ratio(values(slow, part), values(fast, part)) for part in parts}

    def as_json(self) -> dict[str, Any]:
        ratios = {part: one.as_json() for part, one in self.ratios.items()}
        return {"name": self.name, "target": self.target, "ratios": ratios}

    def row(self) -> tuple[str, ...]:
        """Name, every ratio, target, and whether the first ratio reaches it."""
        first = next(iter(self.ratios.values()))
        target = "–" if self.target is None else f"{self.target:g}"
        reached = "–" if self.target is None else "yes" if first.reaches(self.target) else "no"
        return (self.name, *(str(one) for one in self.ratios.values()), target, reached)


def values(runs: Runs, part: str) -> list[float]:
    """One number of every repetition."""
    return [float(run[part]) for run in runs]


def mean(runs: Runs, part: str) -> Interval:
    """Mean over repetitions with its 95 % t-interval."""
    return t_interval(values(runs, part))


def pm(interval: Interval, digits: int = 2, *, factor: float = 1.0) -> str:
    """`3.21 ± 0.05`, or the number alone with one repetition.

    >>> pm(t_interval([1.0, 1.0, 1.3]), 1)
    '1.1 ± 0.4'
    """
    text = f"{factor * interval.mean:.{digits}f}"
    half = interval.half_width
    return text if half is None else f"{text} ± {factor * half:.{digits}f}"
