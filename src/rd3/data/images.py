"""Pictures behind indices: in memory, or decoded batch by batch, with one interface.

Pixels are bytes, or float32 on the scale on which 0 is black and 1 is white. Floats are raw: distilled pictures may
leave [0, 1], and nothing clamps them.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

PIXEL_TYPES = (torch.uint8, torch.float32)


def as_unit(pixels: Tensor) -> Tensor:
    """Bytes or raw floats as float32, 0 black and 1 white.

    >>> as_unit(torch.tensor([0, 51, 255], dtype=torch.uint8)), as_unit(torch.tensor([-0.5, 1.5]))
    (tensor([0.0000, 0.2000, 1.0000]), tensor([-0.5000,  1.5000]))
    """
    return pixels.float().div_(255) if pixels.dtype == torch.uint8 else pixels.float()


def as_levels(pixels: Tensor) -> Tensor:
    """Bytes or raw floats as bytes: floats are clamped to [0, 1] and rounded to the nearest of 256 levels.

    >>> as_levels(torch.tensor([-0.5, 0.2, 1.5]))
    tensor([  0,  51, 255], dtype=torch.uint8)
    """
    return pixels if pixels.dtype == torch.uint8 else (pixels * 255).round().clamp(0, 255).to(torch.uint8)


class Images(Protocol):
    """A labelled set of pictures of one shape, all bytes or all raw floats."""

    @property
    def labels(self) -> Tensor:
        """int64, shape (N,)."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""

    def __len__(self) -> int: ...

    def batch(self, indices: Tensor) -> Tensor:
        """uint8, or raw float32, pictures of shape (len(indices), channels, height, width), on the set's device.

        A new tensor, which the caller may write; `as_unit` makes floats of either.
        """

    def to(self, device: torch.device) -> Images:
        """The same set with `batch` and `labels` on `device`."""


class MemoryImages:
    """All pictures in one tensor, uint8 or raw float32."""

    def __init__(self, pixels: Tensor, labels: Tensor) -> None:
        assert pixels.dtype in PIXEL_TYPES, f"pixels are uint8 or float32, not {pixels.dtype}"
        assert pixels.ndim == 4, f"pixels have shape (N, C, H, W), not {tuple(pixels.shape)}"
        assert labels.shape == pixels.shape[:1]
        self.pixels = pixels
        self.labels = labels.to(torch.int64)

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, indices: Tensor) -> Tensor:
        return self.pixels.index_select(0, indices)  # whole rows: several times faster than `[indices]` on a CPU

    def to(self, device: torch.device) -> MemoryImages:
        return MemoryImages(self.pixels.to(device), self.labels.to(device))
