"""What happens to images between two stages (FADRM, arXiv 2506.24125)."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor


def residual(share: float) -> Callable[[Tensor, Tensor, int], Tensor]:
    """Images enter a stage resized to its side and mixed with the start: α · images + (1 − α) · start.

    The first stage gets the start alone.

    Args:
        share: α; 1 mixes nothing in.
    """

    def enter(images: Tensor, start: Tensor, side: int) -> Tensor:
        if images is start or share == 1:
            return resize(images, side)
        return share * resize(images, side) + (1 - share) * resize(start, side)

    return enter


def resize(images: Tensor, side: int) -> Tensor:
    """(B, C, S, S) to another side, bilinear without antialiasing, as the released code does."""
    if images.shape[-1] == side:
        return images
    return F.interpolate(images, (side, side), mode="bilinear", align_corners=False)
