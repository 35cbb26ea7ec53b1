"""Two nested sources of variance: draws (independent syntheses or random subsets), and student seeds within a draw.

Accuracy of seed s on draw d: mean + b_d + e_ds. The estimates are those of the one-way random effects analysis of
variance by the method of moments (Searle, Casella and McCulloch, Variance Components, 1992, chapters 3 and 4).
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal

from rd3.base.errors import UserError
from rd3.base.spec import Spec
from rd3.scores.intervals import Interval, t_interval, t_quantile

Covers = Literal["seeds", "draws and seeds"]


class Nested(Spec):
    """A mean over draws and seeds with what its intervals cover. Every draw counts equally, however many seeds it had.

    Attributes:
        interval: of the mean. With several draws it is Student's t of the draw means (draws - 1 degrees of freedom),
            and with one draw that of the seeds.
        covers: what `interval` accounts for; None for a single value, which has no interval.
        given_draws: what covers student seeds only, for these very draws: the deviation is pooled within draws. None
            with one draw, where `interval` is just that, and where no draw has two seeds.
        between: variance between draws beyond what seeds explain, at least 0; None with one draw, and where no draw has
            two seeds: then the two variances cannot be told apart.
        within: variance between seeds of one draw; None where no draw has two seeds.
        draws, seeds: how many draws, and how many values in all.
    """

    interval: Interval
    covers: Covers | None
    given_draws: Interval | None
    between: float | None
    within: float | None
    draws: int
    seeds: int


def nested(groups: Sequence[Sequence[float]], *, confidence: float = 0.95) -> Nested:
    """Mean, intervals and variances of values grouped by draw.

    Raises:
        UserError: no draw, a draw without values, a value that is not finite, or a confidence outside (0, 1).

    >>> found = nested([[0.70, 0.72], [0.76, 0.78]])
    >>> found.covers, round(found.interval.mean, 3), round(found.within, 5), round(found.between, 5)
    ('draws and seeds', 0.74, 0.0002, 0.0017)
    """
    if not groups or not all(groups):
        raise UserError("draws without values: every draw needs at least one")
    seeds = sum(map(len, groups))
    within = _within(groups)
    if len(groups) == 1:
        interval = t_interval(groups[0], confidence=confidence)
        covers: Covers | None = None if seeds == 1 else "seeds"
        return Nested(
            interval=interval, covers=covers, given_draws=None, between=None, within=within, draws=1, seeds=seeds
        )
    return Nested(
        interval=t_interval([fmean(group) for group in groups], confidence=confidence),
        covers="draws and seeds",
        given_draws=None if within is None else _given_draws(groups, within, confidence),
        between=None if within is None else _between(groups, within),
        within=within,
        draws=len(groups),
        seeds=seeds,
    )


def _within(groups: Sequence[Sequence[float]]) -> float | None:
    """Mean square within draws: the pooled variance, with (seeds - draws) degrees of freedom."""
    freedom = sum(len(group) - 1 for group in groups)
    if freedom == 0:
        return None
    means = [fmean(group) for group in groups]
    squares = [(value - mean) ** 2 for group, mean in zip(groups, means, strict=True) for value in group]
    return math.fsum(squares) / freedom


def _between(groups: Sequence[Sequence[float]], within: float) -> float:
    """(mean square between - mean square within) / seeds a draw, cut at 0.

    Where draws have different numbers of seeds, n_0 = (N - sum of n_d^2 / N) / (D - 1) takes the place of the last.
    """
    sizes = [len(group) for group in groups]
    total, freedom = sum(sizes), len(groups) - 1
    mean = fmean([value for group in groups for value in group])
    square = math.fsum(len(group) * (fmean(group) - mean) ** 2 for group in groups) / freedom
    typical = (total - sum(size**2 for size in sizes) / total) / freedom
    return max(0.0, (square - within) / typical)


def _given_draws(groups: Sequence[Sequence[float]], within: float, confidence: float) -> Interval:
    draws, seeds = len(groups), sum(map(len, groups))
    mean = fmean([fmean(group) for group in groups])
    error = math.sqrt(within * sum(1 / len(group) for group in groups)) / draws
    half = t_quantile(seeds - draws, confidence) * error
    return Interval(mean=mean, low=mean - half, high=mean + half, n=seeds, confidence=confidence)


def independent(replicates: Iterable[int], sides: Iterable[Mapping[int, Hashable]]) -> list[list[int]]:
    """Replicates in the smallest groups that share no draw with each other; one group where only seeds vary.

    A number that is made of several cells (a difference, a score) varies with the draws of each. A cell that has one
    and the same draw in all replicates is taken as given, and ties nothing together.

    Args:
        sides: of each cell, replicate -> its draw.

    >>> independent(range(4), [{0: "a", 1: "b", 2: "a", 3: "b"}, {0: 0, 1: 1, 2: 2, 3: 3}])
    [[0, 2], [1, 3]]
    >>> independent(range(3), [{0: "a", 1: "a", 2: "a"}])
    [[0, 1, 2]]
    """
    known = sorted(replicates)
    varying = [side for side in sides if len({side[r] for r in known}) > 1]
    if not varying:
        return [known]
    groups: list[list[int]] = []
    for replicate in known:
        tied = [g for g in groups if any(side[r] == side[replicate] for side in varying for r in g)]
        groups = [g for g in groups if g not in tied] + [sorted(sum(tied, [replicate]))]
    return sorted(groups)


def by_draw(values: Mapping[int, float], *sides: Mapping[int, Hashable]) -> list[list[float]]:
    """Values of replicates, grouped as `independent` groups the replicates: what `nested` takes."""
    return [[values[replicate] for replicate in group] for group in independent(values, sides)]
