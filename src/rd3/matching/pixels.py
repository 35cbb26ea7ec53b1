"""Between pixels and the space in which matching methods learn: normalised values, or raw ones (0 black, 1 white)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Space:
    """What the values of learned images mean.

    Attributes:
        mean, std: of the networks' normalisation, per channel, of pixels in [0, 1].
        raw: whether values are raw; else they are normalised.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    raw: bool = False

    def of_normalised(self, images: Tensor) -> Tensor:
        """Normalised images as values of this space."""
        return denormalised(images, self.mean, self.std) if self.raw else images

    def to_normalised(self, values: Tensor) -> Tensor:
        """What networks take."""
        return self.raw_to_normalised(values) if self.raw else values

    def raw_to_normalised(self, raw: Tensor) -> Tensor:
        """Raw images as networks take them."""
        return standardised(raw, self.mean, self.std)

    def to_raw(self, values: Tensor) -> Tensor:
        """What is stored: 0 is black and 1 is white, not clamped."""
        return values if self.raw else denormalised(values, self.mean, self.std)


def normalised(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 (…, C, H, W) to float32 (x / 255 - mean) / std."""
    return standardised(pixels.to(torch.float32) / 255, mean, std)


def standardised(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Raw (…, C, H, W) to (x - mean) / std."""
    return (images - _per_channel(images, mean)) / _per_channel(images, std)


def denormalised(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Normalised (…, C, H, W) to raw, not clamped."""
    return images * _per_channel(images, std) + _per_channel(images, mean)


def quantised(raw: Tensor) -> Tensor:
    """Raw floats to uint8: clamped to [0, 255] and rounded to the nearest."""
    return (raw * 255).clamp(0, 255).round().to(torch.uint8)


def _per_channel(images: Tensor, values: Sequence[float]) -> Tensor:
    return images.new_tensor(values).view(-1, 1, 1)
