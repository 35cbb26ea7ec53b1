"""Where work that is not finished is kept, so that a killed process loses a part of it and not all.

A method asks for these places and does not know what is behind them; `rd3.study.partial` puts folders there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

Tensors = Mapping[str, "Tensor"]


class Place(NamedTuple):
    """How far the work is: `done` of `of` units are."""

    done: int
    of: int
    unit: str

    def __str__(self) -> str:
        return f"{self.done} of {self.of} {self.unit}"


class Keep(Protocol):
    """Parts of one piece of work, by name."""

    def load(self, name: str) -> dict[str, Tensor] | None:
        """The tensors that were kept under a name, on the CPU; None where there is nothing, or nothing whole."""

    def save(self, name: str, tensors: Tensors, place: Place) -> None:
        """Keep tensors in place of what the name held; `place` is how far the work is with them."""

    @property
    def due(self) -> bool:
        """Whether the last save is long enough ago for one that costs time and saves no finished part."""


class Shelf(Protocol):
    """Results that pieces of work share, by the facts that decide them."""

    def load(self, facts: Mapping[str, Any]) -> dict[str, Tensor] | None:
        """The tensors, on the CPU; None where there are none yet."""

    def save(self, facts: Mapping[str, Any], tensors: Tensors, *, seconds: float) -> None:
        """Put tensors there; `seconds` is what they cost."""


class Nowhere:
    """Keeps nothing."""

    due = False

    def load(self, name: str) -> dict[str, Tensor] | None:  # noqa: ARG002
        return None

    def save(self, name: str, tensors: Tensors, place: Place) -> None: ...


NOWHERE: Keep = Nowhere()


def kept(keep: Keep, name: str, make: Callable[[], Tensors], place: Place) -> Tensors:
    """An independent part of the work: as it was kept, else made and kept.

    Args:
        place: how far the work is when the part is done.
    """
    found = keep.load(name)
    if found is not None:
        return found
    made = make()
    keep.save(name, made, place)
    return made
