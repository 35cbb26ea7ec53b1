"""The space that images are optimised in: pixels normalised as the teacher expects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Quantise = Literal["round", "floor"]


@dataclass(frozen=True)
class PixelSpace:
    """A normalisation, (pixel − mean) / std per channel, of pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def encode(self, images: Tensor) -> Tensor:
        """uint8 images (B, C, H, W) to normalised float32."""
        images = images.float() / 255
        mean, std = self._columns(images)
        return (images - mean) / std

    def decode(self, images: Tensor, *, quantise: Quantise = "round") -> Tensor:
        """Normalised images to uint8.

        Args:
            quantise: `round` to the nearest level, or `floor` as the reference scripts of the SRe2L family do, which
                darkens by half a level on average and loses one wherever the arithmetic falls just below a level.
        """
        mean, std = self._columns(images)
        levels = ((images * std + mean) * 255).clamp(0, 255)
        return (levels.round() if quantise == "round" else levels.floor()).to(torch.uint8)

    def bounds(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What pixels 0 and 1 are after normalisation, each (C, 1, 1), on the device and in the type of `images`."""
        mean, std = self._columns(images)
        return (0 - mean) / std, (1 - mean) / std

    def _columns(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = (images.new_tensor(values).view(-1, 1, 1) for values in (self.mean, self.std))
        return mean, std


class Pixels:
    """Parameters of a recovery that are the images themselves, clamped after every step.

    The interface of `rd3.recover.engine.Parameters`.
    """

    def __init__(self, start: Tensor, space: PixelSpace) -> None:
        self.leaf = start.detach().clone().requires_grad_()
        self._low, self._high = space.bounds(start)

    def images(self) -> Tensor:
        return self.leaf

    @torch.no_grad()
    def constrain(self) -> None:
        self.leaf.clamp_(self._low, self._high)


class Shared:
    """Parameters that are one perturbation (1, C, H, W) of all images, which stay as they are (INFER, 2408.06927).

    Nothing is clamped before the images are saved.
    """

    def __init__(self, start: Tensor, space: PixelSpace) -> None:  # noqa: ARG002 - the interface
        self._base = start.detach()
        self.leaf = torch.zeros_like(start[:1]).requires_grad_()

    def images(self) -> Tensor:
        return self._base + self.leaf

    def constrain(self) -> None:
        pass
