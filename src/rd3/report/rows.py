"""Rows of a ranking as types. What came later than the first files has a default that means: not known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, model_validator

from rd3.base.spec import Spec
from rd3.evaluation.settings import PEEKED

INTERVALS = ("accuracy", "given_draws", "random", "hlr", "ior", "lrs", "ars", "versus_random")


class Part(Spec):
    """Base of what is read from a ranking; a newer writer may have added keys."""

    model_config = ConfigDict(extra="ignore")


class Interval(Part):
    """A mean with the ends of its 95 % interval; `low` and `high` are None where one value is all there is."""

    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def half(self) -> float | None:
        """Half the width of the interval, or None without one."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


class Versus(Interval):
    """The paired difference to random real images.

    Attributes:
        p, p_holm: of the paired test, before and after Holm's correction within the group.
        p_sign_flip: exact, of the sign-flip permutation test, without a correction.
        separable: whether the difference is significant after the correction.
        seeds_needed: about how many seeds would separate the two, where that is known.
        n: seeds that both have; None in older files, where it is the row's.
        units: independent pairs that the tests rest on: n, or draws where several seeds share one.
        draws_of: whose draws it covers, beside seeds; None in older files, which don't say.
    """

    p: float | None = None
    p_holm: float | None = None
    p_sign_flip: float | None = None
    separable: bool
    seeds_needed: int | None = None
    n: int | None = None
    units: int | None = None
    draws_of: tuple[str, ...] | None = None


class Rank(Part):
    """A place within the group, and the places that its seeds leave open (simultaneously, 95 %)."""

    value: int
    low: int
    high: int


class Variance(Part):
    """Variances of accuracy: between draws, and between seeds of one draw; None where they are not known apart."""

    draws: float | None = None
    seeds: float | None = None


class ProtocolName(Part):
    """What identifies a locked protocol."""

    id: str
    version: int | str
    hash: str


class Seconds(Part):
    """What each stage took; None where nobody knows, as for images made elsewhere."""

    squeeze: float | None = None
    synthesise: float | None = None
    relabel: float | None = None
    train: float | None = None


class Bytes(Part):
    """What the images, and the labels they need, take up."""

    images: int | None = None
    labels: int | None = None


class Row(Part):
    """One method on one target, at one IPC, under one protocol, with one student. Accuracies are fractions.

    Attributes:
        n: student seeds.
        draws: independent syntheses (or random subsets) among the runs.
        covers: what the interval of `accuracy` accounts for, `seeds` or `draws and seeds`; None where there is none,
            and in older files.
        given_draws: the interval over seeds alone, where there are several draws with several seeds.
        rank: None in older files.
        random, whole: the references under the same protocol.
        versus_random: paired difference of accuracies, None for random itself.
        label_kind: what students learn from under the protocol: `hard`, `static` or `online`; None in older files.
        hard_counterpart: id of the protocol that is this one with hard labels, where those runs are A_sh of this row.
        rankable: whether the row may stand beside rows of the locked `rd3` protocol.
    """

    target: str
    method: str
    ipc: int
    protocol: ProtocolName
    student: str
    n: int
    draws: int
    accuracy: Interval
    covers: str | None = None
    given_draws: Interval | None = None
    variance: Variance = Field(default_factory=Variance)
    rank: Rank | None = None
    random: Interval | None = None
    whole: Interval | None = None
    hlr: Interval | None = None
    ior: Interval | None = None
    lrs: Interval | None = None
    ars: Interval | None = None
    seconds: Seconds = Field(default_factory=Seconds)
    bytes: Bytes = Field(default_factory=Bytes)
    fingerprint: str = ""
    aids: tuple[str, ...] = ()
    rankable: bool = True
    target_fingerprint: str = ""
    versus_random: Versus | None = None
    flags: tuple[str, ...] = ()
    label_kind: str | None = None
    hard_counterpart: str | None = None

    @property
    def peeks(self) -> bool:
        """Whether anything that the row is made of was chosen on the test split."""
        return any(PEEKED in flag for flag in self.flags)

    @property
    def interval_covers(self) -> str | None:
        """`covers`, worked out where an older file does not say: seeds only unless each has a draw of its own."""
        if self.accuracy.half is None:
            return None
        return self.covers or ("draws and seeds" if self.draws == self.n else "seeds")

    @model_validator(mode="before")
    @classmethod
    def _one_run_has_no_interval(cls, values: Any) -> Any:
        """One seed says nothing about the spread, whatever its writer put into `low` and `high`."""
        if not isinstance(values, Mapping) or values.get("n") != 1:
            return values
        bare = {key: {**values[key], "low": None, "high": None} for key in INTERVALS if _is_mapping(values.get(key))}
        return {**values, **bare}


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)
