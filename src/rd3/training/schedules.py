"""Learning-rate schedules: the factor of an epoch, as a pure function. i = epoch from 0, N = epochs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from rd3.base.spec import GrowingSpec


class Schedule(GrowingSpec):
    """A schedule by name; it steps once per epoch. A kind ignores the settings that are not its own.

    Attributes:
        kind: `constant`; `cosine`, (1 + cos(π i / (ζ N))) / 2; `cos2`, EDC's smoothed cosine with an early stop;
            `linear`, 1 − i / (ζ N); `step`, × decay every `milestones[0]`; `multistep`, × decay at each milestone.
        zeta: smoothing factor ζ; 1 ends at 0, 2 ends at half the learning rate.
        warmup_epochs: epochs of linear warm-up; `cosine`, `cos2` and `linear` then run over the rest.
        warmup_start: factor of the first warm-up epoch.
        milestones: whole epochs from the start of training, or fractions of N below 1.
        decay: what a milestone multiplies by.
        end: factor that the curve of `cosine`, `cos2` and `linear` is lifted to end at instead of at 0 (with ζ 1).
    """

    later: ClassVar[frozenset[str]] = frozenset({"end"})

    kind: Literal["constant", "cosine", "cos2", "linear", "step", "multistep"] = "cosine"
    zeta: float = Field(default=1.0, ge=1)
    warmup_epochs: int = Field(default=0, ge=0)
    warmup_start: float = Field(default=0.01, ge=0, le=1)
    milestones: tuple[int | float, ...] = ()
    decay: float = Field(default=0.1, gt=0)
    end: float = Field(default=0.0, ge=0, le=1)

    @field_validator("milestones")
    @classmethod
    def _epochs_or_fractions(cls, milestones: tuple[int | float, ...]) -> tuple[int | float, ...]:
        for value in milestones:
            if value <= 0 or (isinstance(value, float) and value >= 1):
                raise ValueError(f"{value} is neither a whole epoch above 0 nor a fraction between 0 and 1")
        return milestones

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "step" and len(self.milestones) != 1:
            raise ValueError(f"'step' takes exactly one milestone, its period, not {len(self.milestones)}")
        if self.kind == "multistep" and not self.milestones:
            raise ValueError("'multistep' needs milestones")
        return self

    def factor(self, epoch: int, epochs: int) -> float:
        """What the learning rate is multiplied by in an epoch (from 0) of a run of `epochs`.

        >>> [round(Schedule(kind="cosine", zeta=2).factor(i, 4), 6) for i in range(4)]
        [1.0, 0.96194, 0.853553, 0.691342]
        """
        if epoch < self.warmup_epochs:
            return self.warmup_start + (1 - self.warmup_start) * epoch / self.warmup_epochs
        if self.kind in ("step", "multistep"):
            return self.decay ** self._passed(epoch, epochs)
        curve = CURVES[self.kind]((epoch - self.warmup_epochs) / (epochs - self.warmup_epochs), self.zeta)
        return curve if self.end == 0 else self.end + (1 - self.end) * curve

    def _passed(self, epoch: int, epochs: int) -> int:
        milestones = [value if isinstance(value, int) else round(value * epochs) for value in self.milestones]
        if self.kind == "step":
            return epoch // max(milestones[0], 1)
        return sum(epoch >= milestone for milestone in milestones)


def smoothed_cosine(progress: float, zeta: float) -> float:
    """(1 + cos(π·progress / ζ)) / 2 (EDC, arXiv 2404.13733); ζ = 1 is the usual cosine."""
    return (1 + math.cos(math.pi * progress / zeta)) / 2


def early_late(progress: float, zeta: float) -> float:
    """EDC's eq. 33: the smoothed cosine up to 5/6 of the run, then its value there times what is left of the run.

    It drops by a factor of 6 after 5/6.
    """
    if 6 * progress <= 5:
        return smoothed_cosine(progress, zeta)
    return smoothed_cosine(5 / 6, zeta) * (1 - progress)


def linear(progress: float, zeta: float) -> float:
    """1 − progress / ζ."""
    return 1 - progress / zeta


def constant(progress: float, zeta: float) -> float:  # noqa: ARG001
    """1."""
    return 1.0


CURVES: dict[str, Callable[[float, float], float]] = {
    "constant": constant,
    "cosine": smoothed_cosine,
    "cos2": early_late,
    "linear": linear,
}
