"""What a recovery starts from."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rd3.recover.pixels import PixelSpace
from rd3.recover.plan import PlanItem

Init = Callable[[PlanItem, torch.Generator], Tensor]  # (item, CPU generator) -> normalised images (B, C, H, W)


def noise(shape: tuple[int, int, int]) -> Init:
    """N(0, 1) in normalised space, for images of shape (channels, height, width)."""
    return lambda item, generator: torch.randn((len(item), *shape), generator=generator)


def given(images: Tensor, *, ipc: int, space: PixelSpace) -> Init:
    """uint8 images (classes · ipc, C, H, W), class by class: real ones, mosaics, or another method's."""
    return lambda item, generator: space.encode(images[item.rows(ipc).to(images.device)])  # noqa: ARG005
