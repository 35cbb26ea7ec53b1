"""Showing many images to a network, a few at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from rd3.data.images import Images, as_unit
from rd3.squeeze.teacher import Teacher


def images_at_once(shape: tuple[int, int, int], device: torch.device) -> int:
    """How many images of a shape go forward together: what a CPU's cache likes, or a GPU's memory allows."""
    values = 2**16 if device.type == "cpu" else 2**25
    return max(32, values // math.prod(shape))


def walk(
    images: Images, teacher: Teacher, device: torch.device, indices: Tensor | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images in order, as `teacher` expects them.

    Args:
        indices: int64 on the images' device; all by default.

    Yields:
        Normalised float images (b, C, H, W) and their labels (b,), on `device`.
    """
    if indices is None:
        indices = torch.arange(len(images), device=images.labels.device)
    for chunk in indices.split(images_at_once(images.shape, device)):
        pictures = as_unit(images.batch(chunk).to(device))
        yield teacher.normalise(pictures), images.labels[chunk].to(device)
