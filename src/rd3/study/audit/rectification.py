"""Several methods, each under its own protocol, and all under one: what is left of the differences between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from rd3.base.spec import Spec
from rd3.scores.intervals import Interval, paired_difference, t_interval
from rd3.scores.ladder import corrected
from rd3.study.audit.factors import FieldChange
from rd3.study.audit.facts import Facts

SCHEMA = "rd3.audit-methods/1"
Accuracies = Mapping[str, Sequence[float]]


class OwnProtocol(Spec):
    """A method and what it was published under.

    Attributes:
        name: the synthetic's label, with the start of its fingerprint where two share one.
        images: the synthetic's fingerprint.
        changes: the fields in which its own protocol differs from the common one, for the cell.
    """

    name: str
    images: str
    protocol: str
    version: int
    hash: str
    changes: tuple[FieldChange, ...] = ()


class RectifiedMethod(OwnProtocol):
    """A method under its own protocol and under the common one.

    Attributes:
        before, after: accuracy under its own and under the common protocol.
        change: after − before, paired seed by seed.
        p, p_holm: of the paired t-test, before and after Holm's correction over the methods; None for one seed.
        separable: whether `p_holm` is below 0.05.
        rank_before, rank_after: by the mean, from 1.
    """

    before: Interval
    after: Interval
    change: Interval
    p: float | None
    p_holm: float | None
    separable: bool
    rank_before: int
    rank_after: int


class Rectification(Facts):
    """What is left of the differences between methods under one protocol.

    Attributes:
        common, version, hash: the one protocol.
        gap_before, gap_after: the highest mean less the lowest.
        methods: the best before first.
    """

    schema_id: str = SCHEMA
    common: str
    version: int
    hash: str
    gap_before: float
    gap_after: float
    methods: tuple[RectifiedMethod, ...]


def compared(
    methods: Sequence[OwnProtocol], before: Accuracies, after: Accuracies, *, resolution: float
) -> tuple[RectifiedMethod, ...]:
    """Each method before and after, the best before first.

    Args:
        before, after: by name, of each seed; value k is the same seed everywhere.
        resolution: the least step of an accuracy.
    """
    changes = {one.name: paired_difference(after[one.name], before[one.name], resolution=resolution) for one in methods}
    adjusted = dict(zip(changes, corrected([change.p for change in changes.values()]), strict=True))
    places = ranks(before), ranks(after)
    found = [
        RectifiedMethod(
            **dict(one),
            before=t_interval(before[one.name]),
            after=t_interval(after[one.name]),
            change=changes[one.name].interval,
            p=changes[one.name].p,
            p_holm=(p := adjusted[one.name]),
            separable=p is not None and p < 0.05,
            rank_before=places[0][one.name],
            rank_after=places[1][one.name],
        )
        for one in methods
    ]
    return tuple(sorted(found, key=lambda method: (method.rank_before, method.name)))


def gap(accuracies: Accuracies) -> float:
    """The highest mean less the lowest.

    >>> round(gap({"a": [0.5, 0.7], "b": [0.9, 0.9]}), 6)
    0.3
    """
    means = [fmean(values) for values in accuracies.values()]
    return max(means) - min(means)


def ranks(accuracies: Accuracies) -> dict[str, int]:
    """Places by the mean, from 1; equal means share theirs.

    >>> ranks({"a": [0.5], "b": [0.9], "c": [0.5]})
    {'a': 2, 'b': 1, 'c': 2}
    """
    means = {name: fmean(values) for name, values in accuracies.items()}
    return {name: 1 + sum(other > mean for other in means.values()) for name, mean in means.items()}
