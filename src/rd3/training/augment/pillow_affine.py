"""How Pillow resamples a picture through an affine map, bit for bit, on batches with one map per image.

A map takes places of the result to places of the source: x = a·X + b·Y + c and y = d·X + e·Y + f, where pixel i covers
[i, i + 1). Images are uint8 (B, C, H, W), maps float64 (B, 6) = (a, b, c, d, e, f); a place outside of the source gets
`fill`, uint8 (C,) or (B, C). Maps are double precision because a place decides which pixels are read.
"""

from __future__ import annotations

import torch
from torch import Tensor

FIXED = 65536  # the nearest pixel is found with 16 binary digits


def shear_x(slope: Tensor) -> Tensor:
    """x = X + slope·Y: about the upper edge."""
    return _identity_but(b=slope)


def shear_y(slope: Tensor) -> Tensor:
    """y = Y + slope·X: about the left edge."""
    return _identity_but(d=slope)


def shift_x(pixels: Tensor) -> Tensor:
    """x = X + pixels: to the left."""
    return _identity_but(c=pixels)


def shift_y(pixels: Tensor) -> Tensor:
    """y = Y + pixels: upwards."""
    return _identity_but(f=pixels)


def rotation(degrees: Tensor, size: int) -> Tensor:
    """Anticlockwise about the centre of a square of `size` pixels."""
    angle = -torch.deg2rad(degrees)
    cosine, sine, centre = angle.cos(), angle.sin(), size / 2
    across = centre - centre * cosine - centre * sine
    down = centre + centre * sine - centre * cosine
    return torch.stack((cosine, sine, across, -sine, cosine, down), dim=1)


def nearest(images: Tensor, maps: Tensor, fill: Tensor) -> Tensor:
    """The pixel at the place of the result's pixel centre."""
    a, b, c, d, e, f = maps.T[..., None, None]
    row, column = _grid(images)
    step = [(value * FIXED + 0.5).floor().to(torch.int64) for value in (a, b, d, e)]
    start = [(value * FIXED + 0.5).floor().to(torch.int64) for value in (c + a / 2 + b / 2, f + d / 2 + e / 2)]
    x = (start[0] + step[0] * column + step[1] * row) >> 16
    y = (start[1] + step[2] * column + step[3] * row) >> 16
    height, width = images.shape[-2:]
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return _filled(_pixels(images, y, x), inside, fill)


def bilinear(images: Tensor, maps: Tensor, fill: Tensor) -> Tensor:
    """Linear in x, then in y, between 2x2 pixels; the fraction of a level is cut off."""
    x, y, inside = _places(images, maps)
    column, row = x.floor(), y.floor()
    across, down = (x - column)[:, None], (y - row)[:, None]
    lines = []
    for line in (row, row + 1):
        left, right = (_pixels(images, line, column + offset).double() for offset in (0, 1))
        lines.append(left + (right - left) * across)
    mixed = lines[0] + (lines[1] - lines[0]) * down
    return _filled(mixed.to(torch.uint8), inside, fill)


def bicubic(images: Tensor, maps: Tensor, fill: Tensor) -> Tensor:
    """Cubic convolution with a = −1 in x, then in y, of 4x4 pixels; clipped, the fraction of a level is cut off."""
    x, y, inside = _places(images, maps)
    column, row = x.floor(), y.floor()
    across, down = (x - column)[:, None], (y - row)[:, None]
    lines = []
    for line in (row - 1, row, row + 1, row + 2):
        points = [_pixels(images, line, column + offset).double() for offset in (-1, 0, 1, 2)]
        lines.append(_cubic(points, across))
    return _filled(_cubic(lines, down).clamp(0, 255).to(torch.uint8), inside, fill)


def _cubic(points: list[Tensor], share: Tensor) -> Tensor:
    """The cubic through four points at −1, 0, 1, 2, at a place `share` in [0, 1)."""
    before, left, right, after = points
    linear = right - before
    square = 2 * (before - left) + right - after
    cube = left - before - right + after
    return left + share * (linear + share * (square + share * cube))


def _identity_but(**entries: Tensor) -> Tensor:
    like = next(iter(entries.values()))
    one, zero = torch.ones_like(like), torch.zeros_like(like)
    identity = {"a": one, "b": zero, "c": zero, "d": zero, "e": one, "f": zero}
    return torch.stack(list((identity | entries).values()), dim=1)


def _grid(images: Tensor) -> tuple[Tensor, Tensor]:
    height, width = images.shape[-2:]
    rows, columns = (torch.arange(length, device=images.device) for length in (height, width))
    return rows[:, None], columns[None]


def _places(images: Tensor, maps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """x and y (B, H, W) counted from the centre of the first pixel, and whether they are on the image."""
    a, b, c, d, e, f = maps.T[..., None, None]
    row, column = (indices + 0.5 for indices in _grid(images))
    x = a * column + b * row + c
    y = d * column + e * row + f
    height, width = images.shape[-2:]
    return x - 0.5, y - 0.5, (x >= 0) & (x < width) & (y >= 0) & (y < height)


def _pixels(images: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The pixels (B, C, H, W) at (B, H, W) rows and columns, clamped to the image."""
    height, width = images.shape[-2:]
    place = row.to(torch.int64).clamp(0, height - 1) * width + column.to(torch.int64).clamp(0, width - 1)
    index = place.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, index).view_as(images)


def _filled(pixels: Tensor, inside: Tensor, fill: Tensor) -> Tensor:
    return torch.where(inside[:, None], pixels, fill.view(-1, pixels.shape[1], 1, 1))
