"""Random crop of the zero-padded image, the usual augmentation of 32-pixel images."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.pixels import crop_padded, integers, uniform


@register
class PaddedCrop(Augmentation):
    """Shift each image by up to `padding` pixels a side; what comes in is black (0 before normalisation).

    Attributes:
        shared: one shift for the whole batch.
    """

    kind: ClassVar[str] = "padded-crop"
    later: ClassVar[frozenset[str]] = frozenset({"shared"})
    padding: int = Field(default=4, ge=0)
    shared: bool = False

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        top, left = integers(uniform((2, 1 if self.shared else count), generator), 2 * self.padding + 1)
        return {"top": top, "left": left}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        return crop_padded(images, draw["top"], draw["left"], self.padding)
