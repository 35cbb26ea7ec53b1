"""What Pillow does to the values of pixels, bit for bit, on batches with parameters per image.

Published pipelines apply RandAugment to decoded pictures, so its operations are defined by Pillow's integer and
single-precision arithmetic. Images are uint8 (B, C, H, W) with C = 1 (grey) or 3 (RGB); parameters have shape (B,).
"""

from __future__ import annotations

import torch
from torch import Tensor


def to_levels(images: Tensor) -> Tensor:
    """Float images in [0, 1] as the nearest of 256 levels; what was k / 255 is exactly k."""
    return (images * 255).round().clamp(0, 255).to(torch.uint8)


def to_unit(levels: Tensor) -> Tensor:
    """Levels as float32 in [0, 1]."""
    unit: Tensor = levels.float() / 255
    return unit


def grey(levels: Tensor) -> Tensor:
    """ITU-R 601 luma with 16-bit weights, rounded; int32 (B, 1, H, W)."""
    values = levels.to(torch.int32)
    if levels.shape[1] == 1:
        return values
    red, green, blue = values.split(1, dim=1)
    luma: Tensor = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    return luma


def brightness(levels: Tensor, factor: Tensor) -> Tensor:
    """Away from black by `factor`; 1 changes nothing."""
    return _blend(torch.zeros_like(levels, dtype=torch.int32), levels, factor)


def colour(levels: Tensor, factor: Tensor) -> Tensor:
    """Away from grey by `factor`."""
    return _blend(grey(levels), levels, factor)


def contrast(levels: Tensor, factor: Tensor) -> Tensor:
    """Away from the image's mean grey, rounded to a level, by `factor`."""
    values = grey(levels)
    count = values[0].numel()
    mean = (2 * values.sum(dim=(1, 2, 3), keepdim=True) + count) // (2 * count)
    return _blend(mean, levels, factor)


def sharpness(levels: Tensor, factor: Tensor) -> Tensor:
    """Away from the smoothed image by `factor`; the outermost pixels are not smoothed."""
    return _blend(_smooth(levels), levels, factor)


def invert(levels: Tensor) -> Tensor:
    """255 − x."""
    return 255 - levels


def solarize(levels: Tensor, threshold: Tensor) -> Tensor:
    """Invert what is not below `threshold`."""
    return torch.where(levels < _per_image(threshold), levels, 255 - levels)


def solarize_add(levels: Tensor, addend: Tensor) -> Tensor:
    """Add to what is below 128, at most up to 255."""
    added = (levels + _per_image(addend)).clamp(max=255).to(torch.uint8)
    return torch.where(levels < 128, added, levels)


def posterize(levels: Tensor, bits: Tensor) -> Tensor:
    """Keep the upper `bits` of the 8 bits."""
    mask = (256 - 2 ** (8 - bits)).to(torch.uint8)
    return levels & _per_image(mask)


def autocontrast(levels: Tensor) -> Tensor:
    """Stretch every channel to the full range; a constant channel stays."""
    low, high = (extreme(levels, dim=(2, 3), keepdim=True).double() for extreme in (torch.amin, torch.amax))
    scale = torch.full_like(high, 255) / (high - low)  # a number over a tensor would be a rounded reciprocal
    stretched = (levels * scale - low * scale).clamp(0, 255)
    return torch.where(high > low, stretched.to(torch.uint8), levels)


def equalize(levels: Tensor) -> Tensor:
    """Flatten the histogram of every channel."""
    from torchvision.transforms.v2.functional import equalize_image

    equalized: Tensor = equalize_image(levels)
    return equalized


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _blend(base: Tensor, levels: Tensor, factor: Tensor) -> Tensor:
    """base + factor·(x − base) in single precision, clipped and cut to an integer."""
    moved = base + _per_image(factor.float()) * (levels.to(torch.int32) - base)
    return moved.clamp(0, 255).to(torch.uint8)


def _smooth(levels: Tensor) -> Tensor:
    """The mean of 3x3 pixels with weight 5 in the middle, int32; the border as it was."""
    values = levels.to(torch.int32)
    if min(levels.shape[-2:]) < 3:
        return values
    sums = sum(
        values[..., row : values.shape[-2] - 2 + row, column : values.shape[-1] - 2 + column]
        for row in range(3)
        for column in range(3)
    )
    smooth = values.clone()
    smooth[..., 1:-1, 1:-1] = (2 * (sums + 4 * values[..., 1:-1, 1:-1]) + 13) // 26
    return smooth
