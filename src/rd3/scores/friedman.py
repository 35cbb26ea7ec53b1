"""Methods over many cells: Friedman's test of mean ranks, and Nemenyi's critical difference between two of them.

Demsar, Statistical comparisons of classifiers over multiple data sets, JMLR 7 (2006), section 3.2.2. A cell is a block,
in which the methods are ranked by accuracy; how far apart they are within it does not count.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rd3.base.errors import UserError
from rd3.base.spec import Spec


class MeanRanks(Spec):
    """What the ranks of methods in many cells show.

    Attributes:
        methods: the best mean rank first; equal ones by name.
        mean_ranks: of each of `methods`, 1 being the best; ties within a cell share the mean of their ranks.
        cells: how many.
        statistic, p: of Friedman's test, corrected for ties and referred to chi-squared with k - 1 degrees of freedom.
        critical_difference: mean ranks that are at least so far apart differ at `alpha` (Nemenyi).
        alpha: family-wise error of all pairs.
        groups: the largest sets of neighbours in which no two methods differ. Where Friedman's test does not reject,
            that is all of them.
        cells_needed: the least number of cells in which any pair could differ at all.
    """

    methods: tuple[str, ...]
    mean_ranks: tuple[float, ...]
    cells: int
    statistic: float
    p: float
    critical_difference: float
    alpha: float
    groups: tuple[tuple[str, ...], ...]
    cells_needed: int

    @property
    def decidable(self) -> bool:
        """Whether the largest difference that mean ranks can have, k - 1, reaches the critical one."""
        return self.cells >= self.cells_needed


def mean_ranks(cells: Sequence[Mapping[str, float]], *, alpha: float = 0.05) -> MeanRanks:
    """Friedman's and Nemenyi's tests of accuracies.

    Args:
        cells: method -> accuracy, of the same two or more methods in every cell.

    Raises:
        UserError: no cells, fewer than two methods, cells of different methods, or an alpha outside (0, 1).

    >>> found = mean_ranks([{"a": 0.9, "b": 0.8, "c": 0.7}] * 4)
    >>> found.mean_ranks, round(found.critical_difference, 3), found.cells_needed, found.groups
    ((1.0, 2.0, 3.0), 1.657, 3, (('a', 'b'), ('b', 'c')))
    """
    ranks = _ranks(cells)
    if not 0 < alpha < 1:
        raise UserError(f"alpha = {alpha}: must lie between 0 and 1")
    names, means = zip(*sorted(((name, sum(r) / len(r)) for name, r in ranks.items()), key=_by_rank), strict=True)
    statistic, p = _friedman(list(ranks.values()))
    difference = critical_difference(len(names), len(cells), alpha=alpha)
    return MeanRanks(
        methods=names,
        mean_ranks=means,
        cells=len(cells),
        statistic=statistic,
        p=p,
        critical_difference=difference,
        alpha=alpha,
        groups=_groups(names, means, difference) if p < alpha else (names,),
        cells_needed=cells_needed(len(names), alpha=alpha),
    )


def critical_difference(methods: int, cells: int, *, alpha: float = 0.05) -> float:
    """q sqrt(k (k + 1) / (6 N)), q being the studentised range of k means with infinite freedom over sqrt 2.

    >>> round(critical_difference(4, 14), 2)
    1.25
    """
    return _range_quantile(methods, alpha) * math.sqrt(methods * (methods + 1) / (6 * cells))


def cells_needed(methods: int, *, alpha: float = 0.05) -> int:
    """The least N for which the critical difference is at most k - 1, what two mean ranks can be apart at all.

    >>> [cells_needed(methods) for methods in (2, 3, 5, 10)]
    [4, 3, 3, 3]
    """
    cells = (critical_difference(methods, 1, alpha=alpha) / (methods - 1)) ** 2
    return math.ceil(cells)


def _range_quantile(methods: int, alpha: float) -> float:
    from scipy.stats import studentized_range

    return float(studentized_range.ppf(1 - alpha, methods, math.inf)) / math.sqrt(2)


def _ranks(cells: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """Method -> its rank in every cell."""
    from scipy.stats import rankdata

    if not cells:
        raise UserError("no cells to rank methods in")
    names = sorted(cells[0])
    if len(names) < 2:
        raise UserError("mean ranks need at least two methods")
    if any(sorted(cell) != names for cell in cells):
        raise UserError("mean ranks need the same methods in every cell")
    columns = [rankdata([-cell[name] for name in names]) for cell in cells]
    return {name: [float(column[i]) for column in columns] for i, name in enumerate(names)}


def _by_rank(pair: tuple[str, float]) -> tuple[float, str]:
    return pair[1], pair[0]


def _friedman(ranks: Sequence[Sequence[float]]) -> tuple[float, float]:
    """The statistic and its p; ranks that are all tied show nothing.

    (k - 1) sum_j (R_j - N (k + 1) / 2)^2 / sum_ij (r_ij - (k + 1) / 2)^2 is the usual form with its tie correction.
    """
    from scipy.special import chdtrc

    methods, cells = len(ranks), len(ranks[0])
    middle = (methods + 1) / 2
    spread = math.fsum((rank - middle) ** 2 for row in ranks for rank in row)
    if spread == 0:
        return 0.0, 1.0
    statistic = (methods - 1) * math.fsum((sum(row) - cells * middle) ** 2 for row in ranks) / spread
    return statistic, float(chdtrc(methods - 1, statistic))


def _groups(names: Sequence[str], means: Sequence[float], difference: float) -> tuple[tuple[str, ...], ...]:
    """Runs of neighbours that span less than the critical difference, none inside another."""
    found: list[range] = []
    for start, mean in enumerate(means):
        stop = max(i for i, other in enumerate(means) if other - mean < difference) + 1
        if not found or stop > found[-1].stop:
            found.append(range(start, stop))
    return tuple(tuple(names[i] for i in run) for run in found)
