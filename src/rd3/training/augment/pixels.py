"""What several augmentations share: moving whole pixels, and uniform integers without a host synchronisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Float32 in [0, 1) on the generator's device."""
    return torch.rand(shape, generator=generator, device=generator.device)


def integers(uniform: Tensor, count: int | Tensor) -> Tensor:
    """Uniform values in [0, 1) to uniform int64 in [0, count); `count` broadcasts.

    >>> integers(torch.tensor([0.0, 0.5, 0.99]), 4)
    tensor([0, 2, 3])
    """
    # The product of a float just below 1 and a large count can round up to the count itself.
    return (uniform * count).floor().to(torch.int64).clamp(max=count - 1)


def take_rows(images: Tensor, rows: Tensor) -> Tensor:
    """`out[b, c, i, j] = images[b, c, rows[b, i], j]`: exact copies of pixels.

    Args:
        images: (B, C, H, W).
        rows: int64 (B or 1, H').
    """
    batch, channels, height, width = images.shape
    # Whole rows of one flat picture are copied several times faster than pixels under four indices.
    first = torch.arange(batch * channels, device=images.device).view(batch, channels, 1) * height
    flat = images.reshape(-1, width).index_select(0, (first + rows[:, None]).flatten())
    return flat.view(batch, channels, -1, width)


def take_columns(images: Tensor, columns: Tensor) -> Tensor:
    """`out[b, c, i, j] = images[b, c, i, columns[b, j]]`, with `columns` int64 (B or 1, W')."""
    return images.gather(-1, columns[:, None, None].expand(*images.shape[:-1], -1))


def crop_padded(images: Tensor, top: Tensor, left: Tensor, padding: int) -> Tensor:
    """Cut (B, C, H, W) out of the images with a black border of `padding` pixels.

    Args:
        top, left: int64 (B or 1,) in [0, 2·padding]; `padding` in both keeps an image as it is.
    """
    rows = top[:, None] + torch.arange(images.shape[-2], device=images.device)
    columns = left[:, None] + torch.arange(images.shape[-1], device=images.device)
    return take_columns(take_rows(F.pad(images, (padding,) * 4), rows), columns)
