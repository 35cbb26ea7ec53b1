"""An audit as a waterfall: from one level to another in steps. Shared by the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rd3.report.format import number, percent, plain
from rd3.report.ranking import Interval
from rd3.scores.intervals import Interval as Scored
from rd3.study.audit.result import Audit, SideName

UNEXPLAINED = "not explained"
PUBLISHED = "published"


@dataclass(frozen=True)
class Step:
    """A row of a waterfall; fractions.

    Attributes:
        start, end: where a step begins and ends; a level has both at its place.
        interval: of the level, or of what the step adds; None for a number without one.
    """

    name: str
    start: float
    end: float
    interval: Interval | None
    level: bool

    @property
    def added(self) -> float:
        return self.end - self.start


def shares(audit: Audit) -> list[Step]:
    """From start to end in the factors' contributions, the largest first."""
    ordered = sorted(audit.contributions, key=lambda each: -abs(each.interval.mean))
    return _between(audit, [(audit.names[each.factor], each.interval) for each in ordered])


def rungs(audit: Audit) -> list[Step]:
    """From start to end one factor at a time, in the ladder's order."""
    return _between(audit, [(audit.names[rung.factor], rung.difference) for rung in audit.ladder])


def _between(audit: Audit, changes: Iterable[tuple[str, Scored]]) -> list[Step]:
    start, end = side_names(audit)
    steps = _published(audit)
    steps.append(_level(start, audit.start.accuracy))
    at = audit.start.accuracy.mean
    for name, change in changes:
        steps.append(Step(name, at, at + change.mean, shown(change), level=False))
        at += change.mean
    return [*steps, _level(end, audit.end.accuracy)]


def _published(audit: Audit) -> list[Step]:
    """The published number, and the way from it to our run."""
    if audit.published is None or audit.remainder is None:
        return []
    remainder = shown(audit.remainder)
    low, high = (None if bound is None else -bound for bound in (remainder.high, remainder.low))
    missing = Interval(mean=-remainder.mean, low=low, high=high)
    level = Step(PUBLISHED, audit.published, audit.published, None, level=True)
    return [level, Step(UNEXPLAINED, audit.published, audit.start.accuracy.mean, missing, level=False)]


def _level(name: str, accuracy: Scored) -> Step:
    return Step(name, accuracy.mean, accuracy.mean, shown(accuracy), level=True)


def shown(interval: Scored) -> Interval:
    """An interval of the scores as the report's."""
    return Interval(mean=interval.mean, low=interval.low, high=interval.high)


def step_text(step: Step) -> str:
    """The number of a row: a level's accuracy, or what a step adds."""
    if step.interval is None:
        return number(100 * step.end, 1)
    return percent(step.interval, signed=not step.level)


def side_names(audit: Audit) -> tuple[str, str]:
    """What the two ends of an audit are called."""
    return names_of(audit.start, audit.end)


def names_of(start: SideName, end: SideName) -> tuple[str, str]:
    """What two sides are called: what they differ in, the protocol or the images or both."""
    sides = (start, end)
    if start.images == end.images:
        return _unequal([plain(side.protocol) for side in sides], [f"v{side.version}" for side in sides])
    methods = _unequal([plain(side.method) for side in sides], [side.images[:6] for side in sides])
    if (start.protocol, start.hash) == (end.protocol, end.hash):
        return methods
    protocols = _unequal([plain(side.protocol) for side in sides], [f"v{side.version}" for side in sides])
    return f"{methods[0]}, {protocols[0]}", f"{methods[1]}, {protocols[1]}"


def _unequal(names: Sequence[str], tells_apart: Sequence[str]) -> tuple[str, str]:
    first, second = names
    return (first, second) if first != second else (f"{first} {tells_apart[0]}", f"{second} {tells_apart[1]}")
