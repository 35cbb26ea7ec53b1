"""What both sides are reduced to: trainings, and what is read from them."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass

PARTS = ("A_rh", "A_sh", "A_sa", "A_ra")
JPEG = "A_ra jpeg"  # A_ra with the random images through JPEG first


@dataclass(frozen=True)
class Training:
    """One student.

    Attributes:
        part: which of DD-Ranking's accuracies it is for: `A_rh` whole real set, `A_sh` synthetic with hard labels,
            `A_sa` synthetic and `A_ra` random images under the recipe.
        lr: its rate, None for the one fixed rate of `A_rh`.
        repeat: which replicate, from 0.
        accuracy: the best of its tests after each 20th epoch, a fraction.
    """

    part: str
    lr: float | None
    repeat: int
    accuracy: float


def at_rate(trainings: Iterable[Training], part: str, lr: float | None) -> list[float]:
    """Accuracy of every repeat at one rate."""
    return list(_best(one for one in trainings if one.part == part and one.lr == lr).values())


def peeked(trainings: Iterable[Training], part: str, *, rates: Container[float | None] | None = None) -> list[float]:
    """The best accuracy of every repeat over the rates, as ddranking reports.

    Args:
        rates: which rates to look at; all by default.
    """
    return list(_best(one for one in trainings if one.part == part and (rates is None or one.lr in rates)).values())


def _best(trainings: Iterable[Training]) -> dict[int, float]:
    best: dict[int, float] = {}
    for one in sorted(trainings, key=lambda one: one.repeat):
        best[one.repeat] = max(best.get(one.repeat, 0.0), one.accuracy)
    return best
