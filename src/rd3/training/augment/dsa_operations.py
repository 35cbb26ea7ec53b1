"""The operations of differentiable Siamese augmentation on normalised images, as pure functions.

Parameters have shape (B,) or (1,); images are float (B, C, H, W). Empty places are filled with 0, the mean colour.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

UNORDERED = "the backward pass of grid_sample, by which DSA rotates and scales"  # in the order of its sums, on a GPU


def _per_image(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def brighten(images: Tensor, shift: Tensor) -> Tensor:
    """x + shift."""
    return images + _per_image(shift)


def saturate(images: Tensor, factor: Tensor) -> Tensor:
    """(x − m)·factor + m, with m the pixel's mean over channels."""
    mean = images.mean(dim=1, keepdim=True)
    return (images - mean) * _per_image(factor) + mean


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """(x − m)·factor + m, with m the image's mean over channels and pixels."""
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return (images - mean) * _per_image(factor) + mean


def cut_out(images: Tensor, row: Tensor, column: Tensor, side: int) -> Tensor:
    """Zero the rows [row − side//2, row − side//2 + side) in the same columns; what lies outside is clipped."""
    height, width = images.shape[-2:]
    hole_rows = _covered(row, side, height)
    hole_columns = _covered(column, side, width)
    hole = hole_rows[:, None, :, None] & hole_columns[:, None, None, :]
    return images.masked_fill(hole, 0)


def _covered(centre: Tensor, side: int, size: int) -> Tensor:
    offset = torch.arange(size, device=centre.device) - (centre.view(-1, 1) - side // 2)
    return (offset >= 0) & (offset < side)


def stretch(images: Tensor, width: Tensor, height: Tensor) -> Tensor:
    """Sample at `width` times the column and `height` times the row, from the centre: a factor above 1 shrinks."""
    zero = torch.zeros_like(width)
    return _resample(images, (width, zero, zero, height))


def rotate(images: Tensor, angle: Tensor) -> Tensor:
    """Turn about the centre, anticlockwise by `angle` radians."""
    cosine, sine = angle.cos(), angle.sin()
    return _resample(images, (cosine, -sine, sine, cosine))


def _resample(images: Tensor, matrix: tuple[Tensor, ...]) -> Tensor:
    """Bilinear, with the 2x2 matrix (xx, xy, yx, yy) from places in the result to places in the source.

    Published code differs in `align_corners`. A map about the centre of a square is the same under both conventions.
    """
    linear = torch.stack(matrix, dim=-1).view(-1, 2, 2)
    theta = F.pad(linear, (0, 1)).to(images.dtype).expand(len(images), -1, -1)
    grid = F.affine_grid(theta, list(images.shape), align_corners=True)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=True)
