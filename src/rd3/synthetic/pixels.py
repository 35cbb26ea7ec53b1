"""From arrays as people store them to uint8 pictures (N, C, H, W); what is ambiguous is asked, never guessed."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from rd3.base.errors import UserError, unknown

Array = NDArray[Any]
PixelKind = Literal["unit", "uint8", "normalised"]
Statistics = tuple[tuple[float, ...], tuple[float, ...]]
Shape = tuple[int, int, int]

CHANNELS = (1, 3)

# the claim about float pixels is surely wrong if it would clamp more than this
MOST_CLAMPED = 0.5


def arrange(pixels: Array, shape: Shape | None) -> Array:
    """(N, H, W), (N, H, W, C) or (N, C, H, W) to (N, C, H, W).

    Args:
        shape: (channels, height, width) of the target, which settles the order of the axes; without it, or where
            it fits neither, one of the two places for channels must hold 1 or 3 and the other must not.

    Raises:
        UserError: the order does not show.
    """
    if pixels.ndim == 3:
        return pixels[:, None]
    if pixels.ndim != 4 or 0 in pixels.shape:
        raise UserError(f"images: expected (N, H, W), (N, H, W, C) or (N, C, H, W), got shape {pixels.shape}")
    ahead, behind = pixels.shape[1:], (pixels.shape[3], *pixels.shape[1:3])
    if shape in (ahead, behind):
        channels_first = shape == ahead
    elif (ahead[0] in CHANNELS) != (behind[0] in CHANNELS):
        channels_first = ahead[0] in CHANNELS
    else:
        raise UserError(f"images: shape {pixels.shape} does not show whether it is (N, C, H, W) or (N, H, W, C)")
    return pixels if channels_first else pixels.transpose(0, 3, 1, 2)


def to_uint8(
    pixels: Array, *, kind: PixelKind | None, statistics: Statistics | None
) -> tuple[NDArray[np.uint8], float]:
    """Pictures (N, C, H, W) of any number type as uint8, and which share of the values had to be clamped.

    Args:
        kind: what float pixels are: `unit` in [0, 1], `uint8` in 0..255, `normalised` with mean and std.
        statistics: (mean, std) per channel of pixels in [0, 1], for `normalised`.

    Raises:
        UserError: float pixels and no `kind`, or a `kind` that the values contradict; NaN or infinity; integers
            outside 0..255; no numbers at all.
    """
    if kind is not None and kind not in get_args(PixelKind):
        raise unknown("pixels", kind, get_args(PixelKind))
    if pixels.dtype.kind in "iu":
        return _from_integers(pixels, kind), 0.0
    if pixels.dtype.kind != "f":
        raise UserError(f"images: expected numbers, got {pixels.dtype}")
    _require_finite(pixels)
    if kind is None:
        raise UserError(f"images: {_range_words(pixels)}; say which they are with pixels = unit, uint8 or normalised")
    return _clamped(pixels, kind, _as_bytes(pixels, kind, statistics))


def _from_integers(pixels: Array, kind: PixelKind | None) -> NDArray[np.uint8]:
    if kind in ("unit", "normalised"):
        raise UserError(f"pixels = {kind}: the images are {pixels.dtype} and need no such reading")
    low, high = int(pixels.min()), int(pixels.max())
    if low < 0 or high > 255:
        raise UserError(f"images: {pixels.dtype} from {low} to {high}; pixels must be in 0..255")
    return pixels.astype(np.uint8)


def _require_finite(pixels: Array) -> None:
    bad = ~np.isfinite(pixels).reshape(len(pixels), -1).all(axis=1)
    if bad.any():
        raise UserError(f"images: NaN or infinity in {int(bad.sum())} of {len(pixels)}, first in image {bad.argmax()}")


def _as_bytes(pixels: Array, kind: PixelKind, statistics: Statistics | None) -> NDArray[np.float32]:
    """Floats on the scale 0..255, not yet clamped."""
    values = pixels.astype(np.float32)
    if kind == "uint8":
        return values
    if kind == "normalised":
        if statistics is None:
            raise UserError("pixels = normalised: needs the target, whose mean and std undo it")
        mean, std = (np.asarray(each, dtype=np.float32).reshape(1, -1, 1, 1) for each in statistics)
        if mean.shape[1] != pixels.shape[1]:
            raise UserError(f"images have {pixels.shape[1]} channels, but the target's mean has {mean.shape[1]}")
        values = values * std + mean
    return values * 255


def _clamped(pixels: Array, kind: PixelKind, values: NDArray[np.float32]) -> tuple[NDArray[np.uint8], float]:
    rounded = np.rint(values)
    share = float(np.mean((rounded < 0) | (rounded > 255)))
    if share > MOST_CLAMPED or (kind != "unit" and _looks_like(pixels) == "[0, 1]"):
        raise UserError(f"pixels = {kind}: does not fit; {_range_words(pixels)}")
    return rounded.clip(0, 255).astype(np.uint8), share


def _looks_like(pixels: Array) -> str | None:
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 1.05:
        return "[0, 1]"
    if low >= 0 and 20 < high <= 256:
        return "0..255"
    if low < 0 and max(-low, high) <= 20:
        return "normalised"
    return None


def _range_words(pixels: Array) -> str:
    found = _looks_like(pixels)
    guess = f"looks like {found}" if found else "looks like neither [0, 1], 0..255 nor normalised"
    return f"{pixels.dtype} from {pixels.min():.4g} to {pixels.max():.4g}, which {guess}"
