"""A training recipe: everything but the images, the network and the seed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar, Literal

from pydantic import Field, SerializeAsAny, field_validator

from rd3.base.spec import GrowingSpec
from rd3.training.augment.base import Augmentation, parse_augmentation
from rd3.training.losses import Loss
from rd3.training.mix import Mix, parse_mix
from rd3.training.optimisers import Optimiser
from rd3.training.schedules import Schedule


class Recipe(GrowingSpec):
    """How a network is trained, teacher and student alike.

    Attributes:
        epochs: passes over the images.
        batch_size: at most; a smaller set is one batch.
        drop_last: whether an incomplete last batch of an epoch is left out.
        augment: operations in order, on pixels in [0, 1], before normalisation.
        mix: CutMix or Mixup, after `augment`.
        ema: decay of a parameter average that is evaluated in place of the network, or None.
        ema_buffers: whether that average has the `online` network's BatchNorm statistics or its own `averaged` ones.
        micro_batch: a batch goes through the network in parts of this size, in order, and their gradients are
            accumulated; BatchNorm sees the parts.
        accumulation: every part weighs by its share of the batch (`mean`), or all by 1 / parts of a full batch
            (`nominal`).
        repeat_last: the last step of an epoch takes the images of the step before it, in place of its own; with
            label_epochs, wherever a stored epoch's last batch is drawn the batch before it is taken.
        double_bn_update: an extra forward pass without gradient of everything that goes through the network.
        mix_labels: hard and static labels of mixed images weigh by the `area` left of the image, by the λ that was
            `drawn`, or are not mixed (`none`).
        static_mix: whether static labels are mixed as `probabilities` or as `logits`.
        label_input: whether a teacher labels the `mixed` images, or those before mixing (`original`).
        label_epochs: how many epochs' worth of soft-labelled batches there are; None makes new ones in every epoch.
        label_draw: whether a step draws one of them with `replacement`, or they are `shuffled` and used up.
        hard_phase: between which fractions of the epochs hard labels replace soft ones, or None.
    """

    later: ClassVar[frozenset[str]] = frozenset(
        {"ema_buffers", "micro_batch", "accumulation", "repeat_last", "double_bn_update", "mix_labels", "static_mix"}
        | {"label_input", "label_epochs", "label_draw", "hard_phase"}
    )

    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    drop_last: bool = False
    optimiser: Optimiser
    schedule: Schedule
    augment: tuple[SerializeAsAny[Augmentation], ...] = ()
    mix: SerializeAsAny[Mix] | None = None
    loss: Loss
    ema: float | None = Field(default=None, gt=0, lt=1)
    ema_buffers: Literal["online", "averaged"] = "online"
    micro_batch: int | None = Field(default=None, gt=0)
    accumulation: Literal["mean", "nominal"] = "mean"
    repeat_last: bool = False
    double_bn_update: bool = False
    mix_labels: Literal["area", "drawn", "none"] = "area"
    static_mix: Literal["probabilities", "logits"] = "probabilities"
    label_input: Literal["mixed", "original"] = "mixed"
    label_epochs: float | None = Field(default=None, gt=0)
    label_draw: Literal["replacement", "shuffled"] = "replacement"
    hard_phase: tuple[float, float] | None = None

    @field_validator("augment", mode="before")
    @classmethod
    def _augment(cls, values: Any) -> Any:
        return tuple(parse_augmentation(value) if isinstance(value, dict) else value for value in values)

    @field_validator("mix", mode="before")
    @classmethod
    def _mix(cls, value: Any) -> Any:
        return parse_mix(value) if isinstance(value, dict) else value

    def full_batch(self, images: int) -> int:
        """Size of every batch but the last, on a set of that many images."""
        return min(self.batch_size, images)

    def batches(self, images: int) -> int:
        """Batches of an epoch."""
        batch = self.full_batch(images)
        return images // batch if self.drop_last else -(-images // batch)

    def steps(self, images: int) -> int:
        """Optimiser steps on a set of that many images."""
        return self.epochs * self.batches(images)

    def loss_in(self, epoch: int) -> Loss:
        """The loss of an epoch (from 0): `loss`, or cross-entropy on hard labels in the hard phase."""
        return self._hard if self.is_hard(epoch) else self.loss

    def is_hard(self, epoch: int) -> bool:
        """Whether the epoch (from 0) is trained on hard labels."""
        if self.hard_phase is None:
            return not self.loss.needs_teacher
        first, last = (exactly(bound) * self.epochs for bound in self.hard_phase)
        return not self.loss.needs_teacher or first <= epoch < last

    @property
    def soft_epochs(self) -> int:
        """Epochs that are trained on soft labels."""
        return sum(not self.is_hard(epoch) for epoch in range(self.epochs))

    def kept_batches(self, images: int) -> int | None:
        """Soft-labelled batches that there are, ⌊label_epochs · batches of an epoch⌋; None without a limit."""
        return None if self.label_epochs is None else int(exactly(self.label_epochs) * self.batches(images))

    @property
    def _hard(self) -> Loss:
        return self.loss if self.loss.kind == "ce" else Loss(kind="ce", label_smoothing=self.loss.label_smoothing)


def exactly(value: float) -> Fraction:
    """The decimal number that was written, so that 0.29 of 100 is 29 and not 28.999….

    >>> int(exactly(0.29) * 100), int(0.29 * 100)
    (29, 28)
    """
    return Fraction(str(value))
