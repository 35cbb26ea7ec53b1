"""A training recipe: everything but the images, the network and the seed."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializeAsAny, field_validator

from rd3.base.spec import Spec
from rd3.training.augment.base import Augmentation, parse_augmentation
from rd3.training.losses import Loss
from rd3.training.mix import Mix, parse_mix
from rd3.training.optimisers import Optimiser
from rd3.training.schedules import Schedule


class Recipe(Spec):
    """How a network is trained, teacher and student alike.

    Attributes:
        epochs: passes over the images.
        batch_size: at most; a smaller set is one batch.
        drop_last: whether an incomplete last batch of an epoch is left out.
        augment: operations in order, on pixels in [0, 1], before normalisation.
        mix: CutMix or Mixup, after `augment`.
        ema: decay of a parameter average that is evaluated in place of the network, or None.
    """

    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    drop_last: bool = False
    optimiser: Optimiser
    schedule: Schedule
    augment: tuple[SerializeAsAny[Augmentation], ...] = ()
    mix: SerializeAsAny[Mix] | None = None
    loss: Loss
    ema: float | None = Field(default=None, gt=0, lt=1)

    @field_validator("augment", mode="before")
    @classmethod
    def _augment(cls, values: Any) -> Any:
        return tuple(parse_augmentation(value) if isinstance(value, dict) else value for value in values)

    @field_validator("mix", mode="before")
    @classmethod
    def _mix(cls, value: Any) -> Any:
        return parse_mix(value) if isinstance(value, dict) else value

    def steps(self, images: int) -> int:
        """Optimiser steps on a set of that many images."""
        batch = min(self.batch_size, images)
        return self.epochs * (images // batch if self.drop_last else -(-images // batch))
