"""Between uint8 pixels and the normalised space in which matching methods learn."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def normalised(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """uint8 (…, C, H, W) to float32 (x / 255 - mean) / std."""
    images = pixels.to(torch.float32) / 255
    return (images - _per_channel(images, mean)) / _per_channel(images, std)


def quantised(images: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Normalised floats (…, C, H, W) to uint8: denormalised, clamped to [0, 255] and rounded to the nearest."""
    levels = (images * _per_channel(images, std) + _per_channel(images, mean)) * 255
    return levels.clamp(0, 255).round().to(torch.uint8)


def _per_channel(images: Tensor, values: Sequence[float]) -> Tensor:
    return images.new_tensor(values).view(-1, 1, 1)
