"""Horizontal flip."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.pixels import uniform


@register
class Flip(Augmentation):
    """Mirror each image left to right with probability `p`.

    Attributes:
        shared: one coin for the whole batch.
    """

    kind: ClassVar[str] = "flip"
    later: ClassVar[frozenset[str]] = frozenset({"shared"})
    p: float = Field(default=0.5, ge=0, le=1)
    shared: bool = False

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        return {"flip": uniform((1 if self.shared else count,), generator) < self.p}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        return flip_where(images, draw["flip"])

    def without_flip(self) -> Augmentation | None:
        return None


def flip_where(images: Tensor, flip: Tensor) -> Tensor:
    """Mirror the images (B, C, H, W) for which `flip` (B or 1,) is true."""
    return torch.where(flip.view(-1, 1, 1, 1), images.flip(-1), images)
