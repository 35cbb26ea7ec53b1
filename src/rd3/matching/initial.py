"""Where the learnable images start."""

from __future__ import annotations

import torch
from torch import Tensor

from rd3.data.mosaic import Decode
from rd3.matching.mosaic import packed
from rd3.matching.sampler import ClassSampler


def real_images(sampler: ClassSampler, ipc: int, generator: torch.Generator) -> Tensor:
    """`ipc` distinct random real images of every class: (classes, ipc, C, H, W), normalised.

    Every class must have that many.
    """
    return torch.stack(sampler.images(sampler.indices(ipc, generator)))


def noise(classes: int, ipc: int, shape: tuple[int, int, int], generator: torch.Generator) -> Tensor:
    """Standard normal values in normalised space: (classes, ipc, *shape)."""
    return torch.randn((classes, ipc, *shape), generator=generator, device=generator.device)


def mosaics(sampler: ClassSampler, ipc: int, decode: Decode, generator: torch.Generator) -> Tensor:
    """`ipc` mosaics of distinct random real images of every class: (classes, ipc, C, H, W), normalised.

    A class that has fewer images than tiles gives some of them more than once.
    """
    wanted = ipc * decode.parts
    rows = [row[torch.arange(wanted, device=row.device) % len(row)] for row in sampler.indices(wanted, generator)]
    return torch.stack([packed(images, decode) for images in sampler.images(rows)])
