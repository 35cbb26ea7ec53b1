"""Which ranks the seeds leave open: simultaneous intervals for the rank of every cell of a group.

A cell's rank is at least one more than the number of cells that are significantly better, and at most the number of
cells less those that are significantly worse. With all pairs tested at a family-wise error of alpha, all intervals hold
together with probability at least 1 - alpha. Klein, Wright and Wieczorek, A joint confidence region for an overall
ranking of populations, J. R. Stat. Soc. C 69 (2020); Al Mohamad, Goeman and van Zwet, Simultaneous confidence intervals
for ranks with application to ranking institutions, Biometrics 78 (2022). Here the tests are paired t-tests with Holm's
adjustment over all k (k - 1) / 2 pairs.
"""

from __future__ import annotations

from itertools import combinations

from rd3.base.spec import Spec
from rd3.scores.ranking import Cells, Draws, holm_where_known, in_order, paired, shared_replicates


class Rank(Spec):
    """A place in a ranking, 1 being the highest mean, and the places that the seeds do not rule out."""

    value: int
    low: int
    high: int


def rank_intervals(
    cells: Cells, *, draws: Draws | None = None, alpha: float = 0.05, resolution: float = 0.0
) -> dict[str, Rank]:
    """The rank of every cell with its interval, best first. Pairs that share fewer than two seeds rule out nothing.

    Args:
        cells, draws, resolution: as `compare` takes them.

    >>> found = rank_intervals({"a": [0.50, 0.52, 0.51], "b": [0.51, 0.51, 0.51], "c": [0.1, 0.12, 0.1]})
    >>> [(name, rank.value, rank.low, rank.high) for name, rank in found.items()]
    [('a', 1, 1, 2), ('b', 2, 1, 2), ('c', 3, 3, 3)]
    """
    names = in_order(cells, draws)
    better: dict[str, int] = dict.fromkeys(names, 0)  # how many cells are significantly better than it
    worse = dict(better)
    for first, second in _separable(cells, names, draws, alpha, resolution):
        worse[first] += 1
        better[second] += 1
    return {
        name: Rank(value=place, low=min(place, 1 + better[name]), high=max(place, len(names) - worse[name]))
        for place, name in enumerate(names, start=1)
    }


def _separable(
    cells: Cells, names: list[str], draws: Draws | None, alpha: float, resolution: float
) -> list[tuple[str, str]]:
    """Pairs (better, worse) whose Holm-adjusted p is below alpha."""
    pairs = [(one, other) for one, other in combinations(names, 2) if shared_replicates(cells, one, other)]
    made = [paired(cells, *pair, draws=draws, resolution=resolution, exact=False).difference for pair in pairs]
    adjusted = holm_where_known([difference.p for difference in made])
    return [
        pair if difference.interval.mean > 0 else pair[::-1]
        for pair, difference, p in zip(pairs, made, adjusted, strict=True)
        if p is not None and p < alpha
    ]
