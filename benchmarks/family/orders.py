"""Whether methods stand in the order that was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy.stats import kendalltau

from rd3.report.ranking import Row

SCALED = {"iterations", "round_iterations"}  # settings that were cut for a CPU: the method is still the paper's


@dataclass(frozen=True)
class Order:
    """The methods that both sides have, the best published first.

    Attributes:
        tau: Kendall's rank correlation, 1 for the same order; `p` exact and two-sided, of no relation.
    """

    methods: tuple[str, ...]
    published: tuple[float, ...]
    ours: tuple[float, ...]
    tau: float
    p: float


def order(published: Mapping[str, float], ours: Mapping[str, float]) -> Order | None:
    """Compare what both have; None with fewer than three methods."""
    both = sorted(published.keys() & ours.keys(), key=lambda name: -published[name])
    if len(both) < 3:
        return None
    theirs, mine = [published[name] for name in both], [ours[name] for name in both]
    found = kendalltau(theirs, mine)
    return Order(tuple(both), tuple(theirs), tuple(mine), float(found.statistic), float(found.pvalue))


def plain_name(label: str) -> str | None:
    """The method that a label stands for, None where more was changed than the length of the work.

    >>> plain_name("sre2l[iterations=500]"), plain_name("sre2l[init=real,iterations=500]"), plain_name("rded")
    ('sre2l', None, 'rded')
    """
    name, _, settings = label.removesuffix("]").partition("[")
    changed = {each.partition("=")[0] for each in settings.split(",") if each}
    return name if changed <= SCALED else None


def accuracies(rows: Sequence[Row], *, ipc: int, protocol: str) -> dict[str, float]:
    """Method -> mean accuracy in percent, under a protocol and its shortened versions."""
    return {
        name: 100 * row.accuracy.mean
        for row in rows
        if row.ipc == ipc and base(row) == protocol and (name := plain_name(row.method)) is not None
    }


def own(rows: Sequence[Row], *, ipc: int, common: str) -> dict[str, float]:
    """Method -> mean accuracy in percent under its own protocol: any but the common one."""
    return {
        name: 100 * row.accuracy.mean
        for row in rows
        if row.ipc == ipc and base(row) != common and (name := plain_name(row.method)) is not None and name != "random"
    }


def base(row: Row) -> str:
    """The protocol that a row's was cut from."""
    return row.protocol.id.partition("+epochs")[0]
