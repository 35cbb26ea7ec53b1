"""A cost over one size, everything else kept, and what is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.core.powers import affine, exponent, local_exponents, proportional_range

AXES = {
    "ipc": "images per class",
    "classes": "classes",
    "size": "side, px",
    "seeds": "seeds in flight",
}
BASE: dict[str, Any] = {"ipc": 10, "classes": 10, "size": 32, "seeds": None}


@dataclass(frozen=True)
class Curve:
    """Costs over a size.

    Attributes:
        axis: one of AXES.
        sizes: from small to large.
        seconds: of an epoch of training at each, by repetition; of all students for `seeds`.
        memory: bytes at each, by repetition.
    """

    axis: str
    sizes: tuple[int, ...]
    seconds: tuple[tuple[float, ...], ...]
    memory: tuple[tuple[float, ...], ...]

    def points(self, cost: str) -> list[tuple[float, float]]:
        """(size, median cost)."""
        return [(float(size), median(found)) for size, found in zip(self.sizes, getattr(self, cost), strict=True)]

    def law(self, cost: str) -> dict[str, Any]:
        """Exponents over the whole range, in its upper half and between neighbours, of the size.

        The rest is of what work is in proportion to: the range in which a cost is too, and its fixed and other part.
        """
        xs, ys = zip(*self.points(cost), strict=True)
        upper = max(2, (len(xs) + 1) // 2)
        return {
            "exponent": exponent(xs, ys).as_json(),
            "upper_exponent": exponent(xs[-upper:], ys[-upper:]).as_json(),
            "local": local_exponents(xs, ys),
            "proportional": proportional_range(self.scaled(xs), ys),
            "affine": affine(self.scaled(xs), ys).as_json(),
            "knee": affine(self.scaled(xs), ys).knee,
        }

    def scaled(self, xs: Sequence[float]) -> list[float]:
        """What work is in proportion to: pixels, where the size is a side."""
        return [x * x for x in xs] if self.axis == "size" else list(xs)

    def as_json(self) -> dict[str, Any]:
        return {
            "axis": self.axis,
            "sizes": self.sizes,
            "seconds": self.seconds,
            "memory": self.memory,
            "laws": {cost: self.law(cost) for cost in ("seconds", "memory")},
        }
