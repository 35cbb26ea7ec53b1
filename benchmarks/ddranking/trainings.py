"""What both sides are reduced to: trainings, and what can be read from them."""

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
        curve: test accuracies after each 20th epoch, fractions.
        seconds: of training and testing it.
    """

    part: str
    lr: float | None
    repeat: int
    curve: tuple[float, ...]
    seconds: float


def last(trainings: Iterable[Training], part: str, lr: float | None) -> list[float]:
    """Last-epoch accuracy of every repeat at one rate: nothing is chosen."""
    return [one.curve[-1] for one in _ordered(trainings, part) if one.lr == lr]


def peeked(trainings: Iterable[Training], part: str, *, rates: Container[float | None] | None = None) -> list[float]:
    """The best test accuracy of every repeat over rates and epochs, as ddranking reports.

    Args:
        rates: which rates to look at; all by default.
    """
    best: dict[int, float] = {}
    for one in _ordered(trainings, part):
        if rates is None or one.lr in rates:
            best[one.repeat] = max(best.get(one.repeat, 0.0), *one.curve)
    return list(best.values())


def _ordered(trainings: Iterable[Training], part: str) -> list[Training]:
    return sorted((one for one in trainings if one.part == part), key=lambda one: one.repeat)
