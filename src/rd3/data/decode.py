"""One picture at a time: its header, its pixels, its size. The resampling is torchvision's for Pillow images."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rd3.base.errors import UserError

Pixels = NDArray[np.uint8]
GREY_MODES = {"1", "L", "LA", "La"}
DEEP_MODES = ("I", "F")  # 16 and 32 bit; Pillow would clip them to 255, not scale them
RESIZED = "shorter side resized to {size} (Pillow bilinear, antialiased), then centre crop"


@dataclass(frozen=True)
class Header:
    """What a picture says of itself."""

    width: int
    height: int
    grey: bool


def read_header(path: Path) -> Header:
    """Size and colour of a picture, without decoding it.

    Raises:
        UserError: not a picture, or one with more than 8 bits a channel.
    """
    try:
        with Image.open(path) as image:
            return Header(*image.size, grey=is_grey(image))
    except Exception as error:  # Pillow's decoders raise many kinds, SyntaxError among them
        raise _unreadable(path, error) from error


def decode(path: Path, *, channels: int, size: int | None) -> Pixels:
    """A picture as uint8 of shape (channels, height, width).

    Args:
        path: any format that Pillow reads. Rotation tags are not applied and transparency is dropped, as in
            torchvision's ImageFolder.
        channels: 1 (grey) or 3 (RGB).
        size: see `fit`.

    Raises:
        UserError: the file is missing, truncated or not a picture; names it.
    """
    try:
        with Image.open(path) as image:
            is_grey(image)
            return to_array(fit(image.convert("RGB" if channels == 3 else "L"), size))
    except Exception as error:
        raise _unreadable(path, error) from error


def fit(image: Image.Image, size: int | None) -> Image.Image:
    """Resize the shorter side to `size` and cut out the centre square; None leaves the image as it is."""
    if size is None or image.size == (size, size):
        return image
    width, height = image.size
    shorter = min(width, height)
    # Rounding as in torchvision's Resize (down) and CenterCrop (to even).
    width, height = int(size * width / shorter), int(size * height / shorter)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    left, top = round((width - size) / 2), round((height - size) / 2)
    return resized.crop((left, top, left + size, top + size))


def to_array(image: Image.Image) -> Pixels:
    """An `L` or `RGB` image as (channels, height, width)."""
    pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def fit_all(pixels: Pixels, size: int | None) -> Pixels:
    """`fit` for an array of shape (N, channels, height, width)."""
    if size is None or pixels.shape[2:] == (size, size):
        return pixels
    result = np.empty((*pixels.shape[:2], size, size), np.uint8)
    for index, picture in enumerate(pixels):
        hwc = np.ascontiguousarray(picture.transpose(1, 2, 0))
        result[index] = to_array(fit(Image.fromarray(hwc[..., 0] if hwc.shape[2] == 1 else hwc), size))
    return result


@cache
def picture_suffixes() -> frozenset[str]:
    """File name endings, in lower case, of the formats that Pillow reads."""
    return frozenset(suffix for suffix, form in Image.registered_extensions().items() if form in Image.OPEN)


def is_grey(image: Image.Image) -> bool:
    """Whether a picture has no colour, by its mode or its palette.

    Raises:
        ValueError: it has more than 8 bits a channel.
    """
    if image.mode.startswith(DEEP_MODES):
        raise ValueError(f"mode {image.mode} has more than 8 bits a channel; convert it to 8 bits")
    if image.mode != "P":
        return image.mode in GREY_MODES
    palette = np.asarray(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _unreadable(path: Path, error: Exception) -> UserError:
    reason = "No such file" if isinstance(error, FileNotFoundError) else " ".join(str(error).split())
    return UserError(f"cannot read the image {path}: {reason}")
