"""Who is ahead, and whether the seeds allow saying so. Pure functions of accuracies; nothing here reads files."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean

from rd3.base.errors import UserError, unknown
from rd3.base.spec import Spec
from rd3.scores.intervals import Difference, Interval, holm, paired_difference
from rd3.scores.nested import by_draw, independent
from rd3.scores.power import seeds_needed, separability

Cells = Mapping[str, Sequence[float] | Mapping[int, float]]
Draws = Mapping[str, Mapping[int, Hashable]]  # name -> replicate -> which synthesis or subset it judged


class Paired(Spec):
    """The difference of two cells over the seeds that both have.

    Attributes:
        difference: of independent pairs: seeds; or, where several seeds judged one draw, means over such seeds.
        n: how many seeds both have.
        draws_of: the cells whose draws the difference covers, beside student seeds; for one that is not named, it holds
            for the one synthesis that it has.
    """

    difference: Difference
    n: int
    draws_of: tuple[str, ...] = ()

    @property
    def units(self) -> int:
        """How many independent pairs the test rests on."""
        return self.difference.interval.n


class Comparison(Spec):
    """One cell against a reference, seed by seed.

    Attributes:
        difference: `name - reference`, with its interval (not adjusted for the number of comparisons).
        n: how many seeds both have.
        units: how many independent pairs p rests on: n, or the number of draws where several seeds share one.
        draws_of: the cells whose draws the difference covers, beside student seeds.
        deviation: sample standard deviation of the `units` differences; None for one.
        p: of the paired t-test; None for one seed.
        p_sign_flip: exact, of the sign-flip test, not adjusted; None for more than 20 pairs.
        p_holm: p adjusted for all comparisons that were made together; None for one seed.
        separable: whether `p_holm` is below alpha.
        seeds_needed: about how many seeds would separate the two if what was seen is the truth, at alpha divided
            by the number of comparisons and power 0.8, with as many seeds a draw as here; None if separable, or if
            10,000 pairs would not do.
    """

    name: str
    reference: str
    difference: Interval
    n: int
    units: int
    draws_of: tuple[str, ...]
    deviation: float | None
    p: float | None
    p_sign_flip: float | None
    p_holm: float | None
    separable: bool
    seeds_needed: int | None

    def __str__(self) -> str:
        verdict = separability(n=self.n, units=self.units, separable=self.separable, needed=self.seeds_needed)
        return f"{self.name} against {self.reference}: {verdict}"


def compare(
    cells: Cells, *, reference: str, draws: Draws | None = None, alpha: float = 0.05, resolution: float = 0.0
) -> list[Comparison]:
    """Every other cell against `reference`, best mean first, Holm-adjusted together.

    Args:
        cells: name -> accuracies: of each replicate, paired on the replicates that both sides have, or a plain list,
            in which position k is the same seed in every cell.
        draws: of each cell, which draw each replicate judged; a cell that is not named has one draw.
        resolution: the least step of an accuracy, one over the number of test images. Differences that happen to be
            equal are not taken for free of noise below it.

    Raises:
        UserError: no such reference, or cells with different numbers of replicates.

    >>> near, far = compare({"a": [0.50, 0.52, 0.51], "b": [0.51, 0.51, 0.51], "c": [0.1, 0.12, 0.1]}, reference="a")
    >>> near.name, near.separable, far.name, far.separable
    ('b', False, 'c', True)
    """
    names = [name for name in in_order(cells, draws) if name != reference]
    if reference not in cells:
        raise unknown("cell", reference, cells)
    made = [paired(cells, name, reference, draws=draws, resolution=resolution) for name in names]
    adjusted = holm_where_known([each.difference.p for each in made])
    return [
        _judge((name, reference), each, p_holm, alpha=alpha, comparisons=len(names))
        for name, each, p_holm in zip(names, made, adjusted, strict=True)
    ]


def in_order(cells: Cells, draws: Draws | None = None) -> list[str]:
    """Names from the highest to the lowest mean, in which every draw counts equally; equal means by name."""
    means = {}
    for name, values in cells.items():
        if not values:
            raise UserError(f"'{name}' has no accuracies")
        side = (draws or {}).get(name)
        groups = by_draw(_by_replicate(values), *([] if side is None else [side]))
        means[name] = fmean([fmean(group) for group in groups])
    return sorted(cells, key=lambda name: (-means[name], name))


def paired(
    cells: Cells, name: str, reference: str, *, draws: Draws | None = None, resolution: float = 0.0, exact: bool = True
) -> Paired:
    """`name - reference` over the replicates that both have.

    Seeds that judged one draw of a cell with several are averaged first: they are not independent witnesses for the
    method. Where that would leave one pair, the difference covers seeds only.

    Args:
        exact: whether to work out the sign-flip p.

    Raises:
        UserError: plain lists of different lengths, or no replicate that both have.
    """
    first, second = _pair(cells, name, reference)
    shared = shared_replicates(cells, name, reference)
    sides = {one: draws[one] for one in (name, reference) if draws is not None and one in draws}
    groups = independent(shared, sides.values()) if shared else []
    varying = tuple(one for one, side in sides.items() if len({side[r] for r in shared}) > 1)
    if len(groups) == 1:
        groups, varying = [[r] for r in shared], ()
    means = [[fmean([side[r] for r in group]) for group in groups] for side in (first, second)]
    difference = paired_difference(*means, resolution=resolution, exact=exact)
    return Paired(difference=difference, n=len(shared), draws_of=varying)


def shared_replicates(cells: Cells, name: str, reference: str) -> list[int]:
    """Those that both cells have; of plain lists, the positions."""
    return sorted(_by_replicate(cells[name]).keys() & _by_replicate(cells[reference]).keys())


def holm_where_known(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's adjustment of the values that are there: one seed gives no p."""
    adjusted = iter(holm([p for p in p_values if p is not None]))
    return [None if p is None else next(adjusted) for p in p_values]


def _by_replicate(values: Sequence[float] | Mapping[int, float]) -> Mapping[int, float]:
    return values if isinstance(values, Mapping) else dict(enumerate(values))


def _pair(cells: Cells, name: str, reference: str) -> tuple[Mapping[int, float], Mapping[int, float]]:
    first, second = cells[name], cells[reference]
    if len(first) != len(second) and not isinstance(first, Mapping):
        counts = f"'{name}' has {len(first)} and '{reference}' {len(second)}"
        raise UserError(f"{counts} replicates: a paired comparison needs the same seeds on both sides")
    return _by_replicate(first), _by_replicate(second)


def _judge(pair: tuple[str, str], made: Paired, p_holm: float | None, *, alpha: float, comparisons: int) -> Comparison:
    difference, separable = made.difference, p_holm is not None and p_holm < alpha
    needed = None
    if not separable and difference.deviation is not None:
        needed = seeds_needed(difference.interval.mean, difference.deviation, alpha=alpha / comparisons)
    return Comparison(
        name=pair[0],
        reference=pair[1],
        difference=difference.interval,
        n=made.n,
        units=made.units,
        draws_of=made.draws_of,
        deviation=difference.deviation,
        p=difference.p,
        p_sign_flip=difference.p_sign_flip,
        p_holm=p_holm,
        separable=separable,
        seeds_needed=None if needed is None else round(needed * made.n / made.units),
    )
