"""Real crops: cutting them, scoring them with a teacher, and putting them together."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rd3.squeeze.teacher import Teacher
from rd3.training.augment.base import Draw


def cut(images: Tensor, draw: Draw, side: int) -> Tensor:
    """Crop and resize, bilinear with antialiasing, as two products with interpolation matrices.

    Args:
        images: float (B, C, S, S).
        draw: `top`, `left`, `height`, `width`, int64 (B,) each, on the images' device.
        side: of the results, in pixels.

    Returns:
        (B, C, side, side).
    """
    height, width = images.shape[-2:]
    rows = _interpolation(draw["top"], draw["height"], height, side).to(images.dtype)
    columns = _interpolation(draw["left"], draw["width"], width, side).to(images.dtype)
    return rows[:, None] @ images @ columns[:, None].mT


def _interpolation(start: Tensor, length: Tensor, size: int, side: int) -> Tensor:
    """Matrices (B, side, size) that resize pixels [start, start + length) of a line of `size` pixels to `side`.

    Output i reads the crop around c = (i + 1/2)·step, step = length / side, with a triangle of half-width
    max(1, step), cut off at the crop's ends and normalised.
    """
    start, length = start.view(-1, 1, 1), length.view(-1, 1, 1)
    step = length / side
    centre = (torch.arange(side, device=start.device).view(1, -1, 1) + 0.5) * step
    inside = torch.arange(size, device=start.device).view(1, 1, -1) - start
    weight = (1 - (inside + 0.5 - centre).abs() / step.clamp(min=1)).clamp(min=0)
    weight = weight * ((inside >= 0) & (inside < length))
    return weight / weight.sum(dim=-1, keepdim=True)


@torch.no_grad()
def true_class_loss(teacher: Teacher, patches: Tensor, label: int, *, size: int) -> Tensor:
    """Cross-entropy of the true class, (B,), of patches (B, C, s, s) in [0, 1] in the middle of a size x size image.

    The margin is 0 after normalisation, the mean colour.
    """
    missing = size - patches.shape[-1]
    before, after = missing // 2, missing - missing // 2
    images = F.pad(teacher.normalise(patches), (before, after, before, after))
    labels = torch.full((len(images),), label, device=images.device)
    return F.cross_entropy(teacher.model(images), labels, reduction="none")


def mosaic(ranked: Tensor, factor: int) -> Tensor:
    """Put patches together, factor x factor an image.

    Args:
        ranked: (images · factor², C, s, s), best first; patches k·images … (k+1)·images − 1 go to quadrant k, counted
            row by row, so that every image has one patch of each rank block.

    Returns:
        (images, C, factor · s, factor · s).
    """
    channels, side = ranked.shape[1:3]
    tiles = ranked.view(factor, factor, -1, channels, side, side)
    return tiles.permute(2, 3, 0, 4, 1, 5).reshape(-1, channels, factor * side, factor * side)
