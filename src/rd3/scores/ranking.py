"""Who is ahead, and whether the seeds allow saying so. Pure functions of accuracies; nothing here reads files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from rd3.base.errors import UserError, unknown
from rd3.base.spec import Spec
from rd3.scores.intervals import Difference, Interval, holm, paired_difference
from rd3.scores.power import seeds_needed, separability

Cells = Mapping[str, Sequence[float]]


class Comparison(Spec):
    """One cell against a reference, seed by seed.

    Attributes:
        difference: `name - reference`, with its interval (not adjusted for the number of comparisons).
        p: of the paired t-test; None for one seed.
        p_holm: adjusted for all comparisons that were made together; None for one seed.
        separable: whether `p_holm` is below alpha.
        seeds_needed: about how many seeds would separate the two if what was seen is the truth, at alpha divided
            by the number of comparisons and power 0.8; None if separable, or if 10,000 would not do.
    """

    name: str
    reference: str
    difference: Interval
    p: float | None
    p_holm: float | None
    separable: bool
    seeds_needed: int | None

    def __str__(self) -> str:
        verdict = separability(n=self.difference.n, separable=self.separable, needed=self.seeds_needed)
        return f"{self.name} against {self.reference}: {verdict}"


def compare(cells: Cells, *, reference: str, alpha: float = 0.05) -> list[Comparison]:
    """Every other cell against `reference`, best mean first, Holm-adjusted together.

    Args:
        cells: name -> accuracy of each replicate; position k is the same seed in every cell.

    Raises:
        UserError: no such reference, or cells with different numbers of replicates.

    >>> near, far = compare({"a": [0.50, 0.52, 0.51], "b": [0.51, 0.51, 0.51], "c": [0.1, 0.12, 0.1]}, reference="a")
    >>> near.name, near.separable, far.name, far.separable
    ('b', False, 'c', True)
    """
    names = [name for name in in_order(cells) if name != reference]
    return _compare_pairs(cells, [(name, reference) for name in names], alpha)


def in_order(cells: Cells) -> list[str]:
    """Names from the highest to the lowest mean; equal means by name."""
    for name, values in cells.items():
        if not values:
            raise UserError(f"'{name}' has no accuracies")
    return sorted(cells, key=lambda name: (-fmean(cells[name]), name))


def _compare_pairs(cells: Cells, pairs: Sequence[tuple[str, str]], alpha: float) -> list[Comparison]:
    differences = [_difference(cells, name, reference) for name, reference in pairs]
    # one seed gives no p at all, and then in every pair alike
    p_values = [difference.p for difference in differences if difference.p is not None]
    adjusted = holm(p_values) if len(p_values) == len(pairs) else [None] * len(pairs)
    return [
        _judge(pair, difference, p_holm, alpha=alpha, comparisons=len(pairs))
        for pair, difference, p_holm in zip(pairs, differences, adjusted, strict=True)
    ]


def _difference(cells: Cells, name: str, reference: str) -> Difference:
    for each in (name, reference):
        if each not in cells:
            raise unknown("cell", each, cells)
    if len(cells[name]) != len(cells[reference]):
        counts = f"'{name}' has {len(cells[name])} and '{reference}' {len(cells[reference])}"
        raise UserError(f"{counts} replicates: a paired comparison needs the same seeds on both sides")
    return paired_difference(cells[name], cells[reference])


def _judge(
    pair: tuple[str, str], difference: Difference, p_holm: float | None, *, alpha: float, comparisons: int
) -> Comparison:
    separable = p_holm is not None and p_holm < alpha
    needed = None
    if not separable and difference.deviation is not None:
        needed = seeds_needed(difference.interval.mean, difference.deviation, alpha=alpha / comparisons)
    return Comparison(
        name=pair[0],
        reference=pair[1],
        difference=difference.interval,
        p=difference.p,
        p_holm=p_holm,
        separable=separable,
        seeds_needed=needed,
    )
