"""Patch shuffle of RDED (Sun et al., "On the Diversity and Realism of Distilled Dataset", CVPR 2024)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.pixels import take_columns, take_rows, uniform


@register
class PatchShuffle(Augmentation):
    """Cut each image into `factor` vertical strips, permute and join them; then the same with horizontal strips.

    A strip is size // factor pixels wide and the last takes the rest. The strips are permuted as wholes, so an image
    that is a grid of factor x factor pictures keeps each of them intact. With factor 1 nothing happens.

    Attributes:
        noop: orders are drawn, but the strips are joined as they were, as EDC's code does: the identity.
    """

    kind: ClassVar[str] = "patch-shuffle"
    later: ClassVar[frozenset[str]] = frozenset({"noop"})
    factor: int = Field(default=2, ge=1)
    noop: bool = False

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        order = uniform((2, count, self.factor), generator).argsort(dim=-1, stable=True)
        return {"rows": order[0], "columns": order[1]}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        if self.factor == 1 or self.noop:
            return images
        height, width = images.shape[-2:]
        images = take_columns(images, _sources(draw["columns"], width))
        return take_rows(images, _sources(draw["rows"], height))


def _sources(order: Tensor, size: int) -> Tensor:
    """Source pixels (B, size) for strips that are joined in the given order (B, factor): out strip k = order[k]."""
    factor = order.shape[-1]
    pixel = torch.arange(size, device=order.device)
    strip = (pixel // max(size // factor, 1)).clamp(max=factor - 1)
    # Strips differ in width, so positions are found by sorting: first by the strip's place, then by the pixel.
    place = order.argsort(dim=-1)
    return (place[:, strip] * size + pixel).argsort(dim=-1)
