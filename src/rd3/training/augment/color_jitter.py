"""Colour jitter of IDC (Kim et al., ICML 2022, arXiv 2205.14959) and Minimax diffusion (arXiv 2311.15529)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.pixels import uniform
from rd3.training.constants import constant, per_channel

LUMA = (0.299, 0.587, 0.114)


@register
class ColorJitter(Augmentation):
    """Brightness, contrast and saturation, each by its own factor ~ U(1 − s, 1 + s), in an order of each image's own.

    Each is b + factor·(x − b), where b is black, the image's mean grey, and the pixel's grey. Unlike in torchvision's
    class nothing is clipped to [0, 1].

    Attributes:
        brightness, contrast, saturation: the strengths s; 0 leaves an operation out.
    """

    kind: ClassVar[str] = "color-jitter"
    brightness: float = Field(default=0.4, ge=0, le=1)
    contrast: float = Field(default=0.4, ge=0, le=1)
    saturation: float = Field(default=0.4, ge=0, le=1)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        """`factors` (count, 3), of brightness, contrast and saturation, and `order` (count, 3), which comes when."""
        values = uniform((2, count, 3), generator)
        strength = constant((self.brightness, self.contrast, self.saturation), values)
        return {"factors": 1 + (2 * values[0] - 1) * strength, "order": values[1].argsort(dim=-1, stable=True)}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        factors = draw["factors"].gather(1, draw["order"]).to(images.dtype)
        for which, factor in zip(draw["order"].T, factors.T, strict=True):
            base = _base(images, which.view(-1, 1, 1, 1))
            images = base.lerp(images, factor.view(-1, 1, 1, 1))
        return images


def _base(images: Tensor, which: Tensor) -> Tensor:
    """What an operation moves away from: 0, the mean grey, or each pixel's grey."""
    grey = images
    if images.shape[1] == 3:
        grey = (images * per_channel(LUMA, images)).sum(dim=1, keepdim=True)
    mean = grey.mean(dim=(1, 2, 3), keepdim=True)
    return torch.where(which == 2, grey, torch.where(which == 1, mean, 0.0))
