"""A ladder: from one evaluation to another, one factor at a time, as RD3 (arXiv 2509.19743) shows its rectification.

Pure functions of accuracies. What a rung shows depends on the rungs below it; `attribution` does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from rd3.base.spec import Spec
from rd3.scores.attribution import Coalition, path
from rd3.scores.intervals import Difference, Interval, holm, paired_difference, t_interval
from rd3.scores.power import seeds_needed

Accuracies = Mapping[Coalition, Sequence[float]]


class Rung(Spec):
    """One factor switched, with all before it.

    Attributes:
        accuracy: with the factor switched.
        difference: to the rung below, paired seed by seed; its interval is not adjusted for the number of rungs.
        p, p_holm: of the paired t-test, before and after Holm's correction over the ladder; None for one seed.
        separable: whether `p_holm` is below alpha.
        seeds_needed: about how many seeds would separate the rung from the one below; None if separable, or if
            10,000 would not do.
    """

    factor: str
    accuracy: Interval
    difference: Interval
    p: float | None
    p_holm: float | None
    separable: bool
    seeds_needed: int | None


def climb(
    order: Sequence[str], accuracies: Accuracies, *, resolution: float = 0.0, alpha: float = 0.05
) -> tuple[Rung, ...]:
    """The rungs of a ladder.

    Args:
        order: the factors as they are switched.
        accuracies: of each seed, for every coalition on the way; value k is the same seed in all of them.
        resolution: the least step of an accuracy, one over the number of test images.

    >>> steps = {frozenset(): [0.5, 0.52], frozenset({"epochs"}): [0.7, 0.73]}
    >>> [(rung.factor, round(rung.difference.mean, 3)) for rung in climb(["epochs"], steps)]
    [('epochs', 0.205)]
    """
    values = [accuracies[coalition] for coalition in path(order)]
    steps = [paired_difference(after, before, resolution=resolution) for before, after in pairwise(values)]
    adjusted = corrected([step.p for step in steps])
    return tuple(
        _rung(factor, t_interval(after), step, p, alpha=alpha, rungs=len(steps))
        for factor, after, step, p in zip(order, values[1:], steps, adjusted, strict=True)
    )


def corrected(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's correction over those that are known; one seed gives no p.

    >>> corrected([0.01, None, 0.04])
    [0.02, None, 0.04]
    """
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _rung(factor: str, accuracy: Interval, step: Difference, p: float | None, *, alpha: float, rungs: int) -> Rung:
    separable = p is not None and p < alpha
    needed = None
    if not separable and step.deviation is not None:
        needed = seeds_needed(step.interval.mean, step.deviation, alpha=alpha / rungs)
    return Rung(
        factor=factor,
        accuracy=accuracy,
        difference=step.interval,
        p=step.p,
        p_holm=p,
        separable=separable,
        seeds_needed=needed,
    )
