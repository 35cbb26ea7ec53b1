"""Gaussian noise on the normalised image (in DD-Ranking's setting of SRe2L on Tiny-ImageNet at IPC 50)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register

MOST_CHANNELS = 3


@register
class GaussianNoise(Augmentation):
    """Add noise ~ N(0, sigma²) to every value after normalisation; the sum is not clipped."""

    kind: ClassVar[str] = "gaussian-noise"
    on_normalised: ClassVar[bool] = True
    sigma: float = Field(default=0.1, ge=0)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:
        """`noise` (count, 3, size, size); grey images take its first channel."""
        shape = (count, MOST_CHANNELS, size, size)
        return {"noise": self.sigma * torch.randn(shape, generator=generator, device=generator.device)}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        return images + draw["noise"][:, : images.shape[1]].to(images.dtype)
