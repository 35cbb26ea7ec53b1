"""Which of the teachers at hand label the runs of a protocol."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from rd3.evaluation.settings import Settings


class Labeller(NamedTuple):
    """A teacher as a run's specification knows it; `name` is its architecture."""

    fingerprint: str
    name: str


def labellers(settings: Settings, given: Sequence[Labeller]) -> tuple[Labeller, ...]:
    """Those that label: the first where the protocol asks for one teacher, all of them where it asks for a pool.

    A pool is put into the protocol's order, as its weights are in that order. A protocol that names no teacher takes
    all, and hard labels take none.
    """
    if not settings.soft:
        return ()
    if len(settings.pool) == 1:
        return tuple(given[:1])
    if _same(settings, [teacher.name for teacher in given]):
        waiting = list(given)
        return tuple(waiting.pop([plain(one.name) for one in waiting].index(name)) for name in _asked(settings))
    return tuple(given)


def strangers(settings: Settings, protocol: str, names: Sequence[str]) -> list[str]:
    """A flag where other architectures label than the protocol asks for."""
    if not names or not settings.pool or _same(settings, names):
        return []
    return [f"labelled by {', '.join(names)} where {protocol} has {', '.join(settings.pool)}"]


def plain(name: str) -> str:
    """The architecture without where it comes from: `tv:resnet18` is `resnet18`."""
    return name.removeprefix("tv:")


def _asked(settings: Settings) -> list[str]:
    return [plain(name) for name in settings.pool]


def _same(settings: Settings, names: Sequence[str]) -> bool:
    return bool(settings.pool) and Counter(_asked(settings)) == Counter(map(plain, names))
