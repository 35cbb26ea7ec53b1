"""Who is ahead, and whether the seeds allow saying so. Pure functions of accuracies; nothing here reads files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from rd3.base.errors import UserError, unknown
from rd3.base.spec import Spec
from rd3.scores.intervals import Difference, Interval, holm, paired_difference
from rd3.scores.power import seeds_needed, separability

Cells = Mapping[str, Sequence[float] | Mapping[int, float]]


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


def compare(cells: Cells, *, reference: str, alpha: float = 0.05, resolution: float = 0.0) -> list[Comparison]:
    """Every other cell against `reference`, best mean first, Holm-adjusted together.

    Args:
        cells: name -> accuracies: of each replicate, paired on the replicates that both sides have, or a plain list,
            in which position k is the same seed in every cell.
        resolution: the least step of an accuracy, one over the number of test images. Differences that happen to be
            equal are not taken for free of noise below it.

    Raises:
        UserError: no such reference, or cells with different numbers of replicates.

    >>> near, far = compare({"a": [0.50, 0.52, 0.51], "b": [0.51, 0.51, 0.51], "c": [0.1, 0.12, 0.1]}, reference="a")
    >>> near.name, near.separable, far.name, far.separable
    ('b', False, 'c', True)
    """
    names = [name for name in in_order(cells) if name != reference]
    if reference not in cells:
        raise unknown("cell", reference, cells)
    differences = [_difference(cells, name, reference, resolution) for name in names]
    testable = [difference.p for difference in differences if difference.p is not None]  # one seed gives no p
    adjusted = iter(holm(testable))
    return [
        _judge(
            (name, reference),
            difference,
            None if difference.p is None else next(adjusted),
            alpha=alpha,
            comparisons=len(names),
        )
        for name, difference in zip(names, differences, strict=True)
    ]


def in_order(cells: Cells) -> list[str]:
    """Names from the highest to the lowest mean; equal means by name."""
    for name, values in cells.items():
        if not values:
            raise UserError(f"'{name}' has no accuracies")
    return sorted(cells, key=lambda name: (-fmean(_by_replicate(cells[name]).values()), name))


def _by_replicate(values: Sequence[float] | Mapping[int, float]) -> Mapping[int, float]:
    return values if isinstance(values, Mapping) else dict(enumerate(values))


def _difference(cells: Cells, name: str, reference: str, resolution: float) -> Difference:
    first, second = cells[name], cells[reference]
    if len(first) != len(second) and not isinstance(first, Mapping):
        counts = f"'{name}' has {len(first)} and '{reference}' {len(second)}"
        raise UserError(f"{counts} replicates: a paired comparison needs the same seeds on both sides")
    mine, theirs = _by_replicate(first), _by_replicate(second)
    shared = sorted(mine.keys() & theirs.keys())
    return paired_difference([mine[r] for r in shared], [theirs[r] for r in shared], resolution=resolution)


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
