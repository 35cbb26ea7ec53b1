"""A trained network together with what it expects: the classes, the size and its own normalisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rd3.training.loop import Normalisation


@dataclass(frozen=True)
class Teacher:
    """A network trained on a target, frozen and in eval mode.

    Attributes:
        model: maps a normalised float batch (B, C, H, W) to logits (B, classes).
        name: name of the architecture.
        mean, std: per channel, of pixels in [0, 1]; the teacher's own, independent of any student's.
        classes: class names in the order of the logits.
        fingerprint: of the work that made it.
        test_accuracy: on the target's test split, a fraction.
        seconds: that training it took.
        target: fingerprint of the real data that `test_accuracy` is on, None where nobody knows.
        pretrained: whether it learned from other data than the target's.
        notes: what a reader of its results must know.
    """

    model: nn.Module
    name: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]
    fingerprint: str
    test_accuracy: float
    seconds: float
    target: str | None = None
    pretrained: bool = False
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.model.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def to(self, device: torch.device) -> Teacher:
        """Moves the model (in place) and returns self."""
        self.model.to(device)
        return self

    def normalise(self, images: Tensor) -> Tensor:
        """Float images in [0, 1] to what `model` expects."""
        return Normalisation(self.mean, self.std)(images)

    def logits(self, images: Tensor) -> Tensor:
        """Logits (B, classes) of float images in [0, 1]."""
        logits: Tensor = self.model(self.normalise(images))
        return logits
