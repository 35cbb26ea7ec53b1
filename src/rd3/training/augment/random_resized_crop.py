"""Random resized crop: a random part of the image at the size of the whole, one draw per sample."""

from __future__ import annotations

import math
from typing import ClassVar, Literal, Self

import torch
from pydantic import model_validator
from torch import Tensor

from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.pixels import integers, take_columns, take_rows, uniform

TRIES = 10


@register
class RandomResizedCrop(Augmentation):
    """Crop an area fraction ~ U(scale) with log aspect ratio ~ U(log ratio), and stretch it to the whole.

    Ten tries per image; if no crop fits, the largest centred one with the nearest allowed ratio. Interpolation is
    bilinear and equals torchvision's on float tensors, with or without antialiasing: a crop is never larger than the
    result, so there is nothing to smooth. With scale (1, 1) it is exactly the identity.

    Attributes:
        scale: smallest and largest area fraction.
        ratio: smallest and largest width / height.
        shared: one crop for the whole batch.
        coordinates: `exact`, or `fp16-trunc`: top, left, height and width are kept as half-precision fractions of the
            side, and read back with the fraction of a pixel cut off, so that each may be 1 px less. It is how HALD
            replays the crops of its label store; there the teacher saw the exact crop, here it sees the same.
    """

    kind: ClassVar[str] = "random-resized-crop"
    later: ClassVar[frozenset[str]] = frozenset({"shared", "coordinates"})
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    shared: bool = False
    coordinates: Literal["exact", "fp16-trunc"] = "exact"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ValueError(f"scale = {self.scale}: allowed is 0 < smallest <= largest <= 1")
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ValueError(f"ratio = {self.ratio}: allowed is 0 < smallest <= largest")
        return self

    @property
    def is_identity(self) -> bool:
        """A crop of the whole area of a square either is the square, or does not fit and then the square is taken."""
        return self.scale == (1, 1) and self.ratio[0] <= 1 <= self.ratio[1]

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:
        """The crops: int64 `top`, `left`, `height` and `width`, each of shape (count,), or (1,) if shared."""
        count = 1 if self.shared else count
        if self.is_identity:
            start = torch.zeros(count, dtype=torch.int64, device=generator.device)
            return {"top": start, "left": start, "height": start + size, "width": start + size}
        height, width, found = self._extents(count, size, generator)
        place = uniform((2, count), generator)
        top = torch.where(found, integers(place[0], size - height + 1), (size - height) // 2)
        left = torch.where(found, integers(place[1], size - width + 1), (size - width) // 2)
        crops = {"top": top, "left": left, "height": height, "width": width}
        return crops if self.coordinates == "exact" else _replayed(crops, size)

    def _extents(self, count: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Height, width and whether a try fitted, each (count,). All tries are made at once and the first is taken."""
        values = uniform((2, count, TRIES), generator)
        area = size**2 * (self.scale[0] + (self.scale[1] - self.scale[0]) * values[0])
        low, high = (math.log(bound) for bound in self.ratio)
        ratio = torch.exp(low + (high - low) * values[1])
        heights, widths = (area / ratio).sqrt().round(), (area * ratio).sqrt().round()
        fits = (widths > 0) & (widths <= size) & (heights > 0) & (heights <= size)
        first, found = fits.to(torch.int64).argmax(dim=1, keepdim=True), fits.any(dim=1)
        height, width = (
            torch.where(found, tried.gather(1, first)[:, 0], otherwise).to(torch.int64)
            for tried, otherwise in zip((heights, widths), self._largest(size), strict=True)
        )
        return height, width, found

    def _largest(self, size: int) -> tuple[int, int]:
        """Height and width of the largest crop whose ratio is the allowed one nearest to the image's own."""
        low, high = self.ratio
        if low > 1:
            return round(size / low), size
        return (size, round(size * high)) if high < 1 else (size, size)

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        if self.is_identity:
            return images
        low, high, share = _neighbours(draw["top"], draw["height"], images.shape[-2])
        share = share.to(images.dtype)
        images = take_rows(images, low).lerp(take_rows(images, high), share[:, None, :, None])
        low, high, share = _neighbours(draw["left"], draw["width"], images.shape[-1])
        share = share.to(images.dtype)
        return take_columns(images, low).lerp(take_columns(images, high), share[:, None, None])


def _replayed(crops: Draw, size: int) -> Draw:
    """The crops after a store of half-precision fractions of `size`, cut to whole pixels, inside of the image."""
    # A half-precision number times a side of up to 8192 px is exact in single precision.
    pixels = {key: ((crops[key] / size).half().float() * size).to(torch.int64) for key in crops}
    top, left = (pixels[key].clamp(max=size - 1) for key in ("top", "left"))
    height, width = pixels["height"].clamp(min=1), pixels["width"].clamp(min=1)
    return {"top": top, "left": left, "height": height.minimum(size - top), "width": width.minimum(size - left)}


def _neighbours(start: Tensor, length: Tensor, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """For a line of `size` pixels whose part [start, start + length) is stretched to all of it: two pixels to mix.

    Output i reads the part at (i + 1/2)·length / size − 1/2, clamped to its first and last pixel.

    Returns:
        Indices below and above that place and the share of the upper one, each (B, size).
    """
    pixel = torch.arange(size, device=start.device)
    last = length[:, None] - 1
    place = ((pixel + 0.5) * (length[:, None] / size) - 0.5).clamp(min=0).minimum(last)
    low = place.floor()
    share, low = place - low, low.to(torch.int64)
    return start[:, None] + low, start[:, None] + (low + 1).minimum(last), share
