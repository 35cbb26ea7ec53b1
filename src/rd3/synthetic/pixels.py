"""From arrays as people store them to pictures, bytes or raw floats; what is ambiguous is asked, never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rd3.base.errors import UserError, unknown
from rd3.data.images import as_levels
from rd3.data.spaces import NO_WAY_BACK, PixelSpace, to_raw
from rd3.data.target import Target

Array = NDArray[Any]
PixelKind = Literal[PixelSpace, "unit", "uint8", "normalised"]
Shape = tuple[int, int, int]

SPACES: dict[str, PixelSpace] = {"unit": "raw01", "uint8": "raw01", "normalised": "norm_target"}
CHANNELS = (1, 3)

# the claim about float pixels is surely wrong if more of them than this are then darker than black or whiter than white
MOST_OUTSIDE = 0.5
NEAREST_LEVEL = 0.01  # of 255: floats that are this close to bytes were bytes


@dataclass(frozen=True)
class Pixels:
    """Pictures as they are kept.

    Attributes:
        images: uint8 or raw float32 (N, C, H, W).
        space: what they were; None for bytes.
        clamped: which share of the values was clamped, where they were rounded to bytes.
    """

    images: Tensor
    space: PixelSpace | None
    clamped: float = 0.0


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


def require_numbers(pixels: Array) -> None:
    """Refuse what cannot be pixels.

    Raises:
        UserError: no numbers, integers outside 0..255, NaN or infinity.
    """
    if pixels.dtype.kind in "iu":
        low, high = int(pixels.min()), int(pixels.max())
        if low < 0 or high > 255:
            raise UserError(f"images: {pixels.dtype} from {low} to {high}; pixels must be in 0..255")
    elif pixels.dtype.kind != "f":
        raise UserError(f"images: expected numbers, got {pixels.dtype}")
    else:
        bad = ~np.isfinite(pixels).reshape(len(pixels), -1).all(axis=1)
        if bad.any():
            first = f"first in image {bad.argmax()}"
            raise UserError(f"images: NaN or infinity in {int(bad.sum())} of {len(pixels)}, {first}")


def to_pixels(pixels: Array, *, kind: PixelKind | None, target: Target | None, quantise: bool = False) -> Pixels:
    """Pictures (N, C, H, W) of any number type as bytes or raw floats. Floats that were bytes become bytes again.

    Args:
        kind: what float pixels are: a space; or `unit` in [0, 1], `uint8` in 0..255, `normalised` with the target's
            mean and std.
        quantise: whether floats are clamped and rounded to bytes.

    Raises:
        UserError: float pixels and no `kind`, or a `kind` that the values contradict or that needs a target; whatever
            `require_numbers` refuses.
    """
    if kind is not None and kind not in kinds():
        raise unknown("pixels", kind, kinds())
    require_numbers(pixels)
    if pixels.dtype.kind in "iu":
        if kind not in (None, "uint8"):
            raise UserError(f"pixels = {kind}: the images are {pixels.dtype} and need no such reading")
        return Pixels(torch.from_numpy(np.ascontiguousarray(pixels.astype(np.uint8))), None)
    if kind is None:
        raise UserError(
            f"images: {range_words(pixels)}; say which they are with pixels = unit, uint8 or normalised (--pixels)"
        )
    space = SPACES.get(kind) or cast(PixelSpace, kind)
    if target is None and space != "raw01" and space not in NO_WAY_BACK:
        raise UserError(f"pixels = {kind}: needs the target, whose training split undoes it")
    raw = to_raw(_floats(pixels, kind), space, target)
    _require_plausible(pixels, kind, raw)
    return _kept(raw, space, quantise=quantise)


def kinds() -> tuple[str, ...]:
    """All words for what float pixels are."""
    return ("unit", "uint8", "normalised", *get_args(PixelSpace))


def _floats(pixels: Array, kind: PixelKind) -> Tensor:
    values: Array = pixels.astype(np.float64) / 255 if kind == "uint8" else pixels.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(values)).float()


def _require_plausible(pixels: Array, kind: PixelKind, raw: Tensor) -> None:
    levels = (raw * 255).round()
    outside = ((levels < 0) | (levels > 255)).float().mean()
    contradicted = kind not in ("unit", "raw01") and looks_like(pixels) == "[0, 1]"
    if contradicted or (kind != "zca_kip" and float(outside) > MOST_OUTSIDE):
        raise UserError(f"pixels = {kind}: does not fit; {range_words(pixels)}")


def _kept(raw: Tensor, space: PixelSpace, *, quantise: bool) -> Pixels:
    levels = raw * 255
    were_bytes = (
        bool(((levels - levels.round()).abs() <= NEAREST_LEVEL).all())
        and bool((levels > -NEAREST_LEVEL).all())
        and bool((levels < 255 + NEAREST_LEVEL).all())
    )
    if were_bytes or quantise:
        rounded = levels.round()
        clamped = float(((rounded < 0) | (rounded > 255)).float().mean())
        return Pixels(as_levels(raw), space, clamped)
    return Pixels(raw.contiguous(), space)


def looks_like(pixels: Array) -> str | None:
    """What the range of float pixels says."""
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 1.05:
        return "[0, 1]"
    if low >= 0 and 20 < high <= 256:
        return "0..255"
    if low < 0 and max(-low, high) <= 20:
        return "normalised"
    return None


def range_words(pixels: Array) -> str:
    """Type and range of float pixels, and what that looks like."""
    found = looks_like(pixels)
    guess = f"looks like {found}" if found else "looks like neither [0, 1], 0..255 nor normalised"
    return f"{pixels.dtype} from {pixels.min():.4g} to {pixels.max():.4g}, which {guess}"
