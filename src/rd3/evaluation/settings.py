"""What a protocol says for one cell, flat: one field, one value, one provenance."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from rd3.base.spec import Spec, parse
from rd3.training.recipe import Recipe

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Settings(Spec):
    """Everything that turns (synthetic, student, seed) into an accuracy.

    Attributes:
        labels: `hard` (the images' own) or `online` (a teacher labels every augmented batch).
        teacher: the architecture that the protocol's labels come from; another one is flagged. None asks for none.
        normalisation: the student's: `imagenet`, or the `target`'s own.
        validation_resize: side that test images are resized to before a centre crop; None leaves them as they are.
        checkpoints: how many evenly spaced epochs the test curve shows; the last epoch's accuracy is the result.
    """

    labels: Literal["hard", "online"]
    teacher: str | None = None
    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    drop_last: bool = False
    optimiser: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0)
    momentum: float = Field(default=0.9, ge=0, lt=1)
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    wd_exclude_1d: bool = True
    schedule: str = "cosine"
    zeta: float = Field(default=1.0, ge=1)
    augment: tuple[dict[str, Any], ...] = ()
    mix: dict[str, Any] | None = None
    loss: Literal["ce", "soft-ce", "kl", "mse-gt"]
    temperature: float = Field(default=1.0, gt=0)
    kl_t2: bool = False
    gamma: float = Field(default=0.0, ge=0)
    ema: float | None = Field(default=None, gt=0, lt=1)
    normalisation: Literal["imagenet", "target"]
    validation_resize: int | None = Field(default=None, gt=0)
    checkpoints: int = Field(default=10, gt=0)

    @property
    def soft(self) -> bool:
        return self.labels == "online"

    def recipe(self, where: str = "protocol") -> Recipe:
        """The same as the training loop takes it.

        Args:
            where: what the values come from, for the message.

        Raises:
            UserError: an operation of `augment` or `mix` is not known, or its parameters are wrong.
        """
        optimiser = {
            "kind": self.optimiser,
            "lr": self.lr,
            "momentum": self.momentum,
            "betas": self.betas,
            "eps": self.eps,
            "weight_decay": self.weight_decay,
            "wd_exclude_1d": self.wd_exclude_1d,
        }
        loss = {"kind": self.loss, "temperature": self.temperature, "t2": self.kl_t2, "gamma": self.gamma}
        values = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "drop_last": self.drop_last,
            "optimiser": optimiser,
            "schedule": {"kind": self.schedule, "zeta": self.zeta},
            "augment": self.augment,
            "mix": self.mix,
            "loss": loss,
            "ema": self.ema,
        }
        return parse(Recipe, values, where=where)

    def reported_epochs(self) -> set[int]:
        """Indices of the epochs whose accuracy enters the test curve; the last is always among them."""
        count = min(self.checkpoints, self.epochs)
        return {round((k + 1) * self.epochs / count) - 1 for k in range(count)}
