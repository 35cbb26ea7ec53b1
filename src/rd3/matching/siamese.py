"""Siamese augmentation: the real and the synthetic images of a class go through the same transformation.

Zhao & Bilen 2021, Dataset Condensation with Differentiable Siamese Augmentation (ICML), section 3.2.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw


def siamese(
    augmentation: Augmentation | None, real: Tensor, synthetic: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One operation with one set of parameters, drawn once, for every image of both batches.

    Args:
        augmentation: one that works on normalised images; None changes nothing.
        real, synthetic: normalised images (M, C, H, W) and (N, C, H, W); gradients flow through both.
        generator: of the draw; on the images' device.
    """
    if augmentation is None:
        return real, synthetic
    draw = _draw(augmentation, synthetic, generator)
    return augmentation.transform(real, draw), augmentation.transform(synthetic, draw)


def alike(augmentation: Augmentation | None, images: Tensor, generator: torch.Generator) -> Tensor:
    """The same for one batch."""
    return images if augmentation is None else augmentation.transform(images, _draw(augmentation, images, generator))


def _draw(augmentation: Augmentation, images: Tensor, generator: torch.Generator) -> Draw:
    assert augmentation.on_normalised, f"{augmentation.kind} is not made for normalised images"
    return augmentation.draw(1, images.shape[-1], generator)
