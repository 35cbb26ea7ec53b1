"""Lighting: PCA noise on colours (Krizhevsky, Sutskever and Hinton, NeurIPS 2012), as in fb.resnet.torch."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.constants import constant

# Of the covariance of ImageNet's RGB pixels in [0, 1]: variances along the principal axes, and the axes as columns.
EIGENVALUES = (0.2175, 0.0188, 0.0045)
EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


@register
class Lighting(Augmentation):
    """Add one colour to all pixels of an image: Σ_k a_k·λ_k·v_k with a_k ~ N(0, alpha²); not clipped.

    A grey image counts as three equal channels, of which the mean is kept.
    """

    kind: ClassVar[str] = "lighting"
    alpha: float = Field(default=0.1, ge=0)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        """`shares` (count, 3), one a principal axis."""
        return {"shares": self.alpha * torch.randn((count, 3), generator=generator, device=generator.device)}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        values, axes = constant(EIGENVALUES, images), constant(EIGENVECTORS, images)
        colours = (draw["shares"].to(images.dtype)[:, None] * values * axes).sum(dim=-1)
        if images.shape[1] == 1:
            colours = colours.mean(dim=1, keepdim=True)
        return images + colours[..., None, None]
