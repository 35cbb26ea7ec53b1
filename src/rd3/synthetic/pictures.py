"""Encoded pictures, in files or in memory, as one array of bytes; larger ones are made smaller only as told."""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rd3.base.errors import UserError
from rd3.data.decode import RESIZED, fit
from rd3.data.target import Target

if TYPE_CHECKING:
    from PIL import Image

Fit = Literal["resize", "crop"]

SUFFIXES = {".png", ".jpg", ".jpeg"}
FORMATS = ("PNG", "JPEG", "WEBP", "BMP")  # not all of Pillow's: some of them start other programs
GREY, COLOUR = {"1", "L"}, {"RGB", "P", "CMYK", "YCbCr"}
CROPPED = "the centre square of {size} px"
MOST_TIMES = (
    8  # a picture to be made smaller has a side of at most so many times the target's: no huge ones are decoded
)


def shards(folder: Path) -> list[Path]:
    """The parquet files in a folder or in its `data`, sorted by name."""
    for place in (folder, folder / "data"):
        found = sorted(place.glob("*.parquet")) if place.is_dir() else []
        if found:
            return found
    return []


class Encoded(NamedTuple):
    """A picture as it is stored.

    Attributes:
        name: for messages.
        content: its file, or its bytes.
    """

    name: str
    content: Path | bytes


class Size(NamedTuple):
    """What pictures are to be.

    Attributes:
        height, width: in pixels.
        fit: how larger ones get there; None refuses them.
    """

    height: int
    width: int
    fit: Fit | None = None


class Stacked(NamedTuple):
    """Decoded pictures.

    Attributes:
        pixels: uint8 (N, C, H, W).
        size: [what they are now, how larger ones got there]; None where all were of that size.
    """

    pixels: NDArray[np.uint8]
    size: list[str] | None


def stack(pictures: Sequence[Encoded], target: Target | None, how: Fit | None) -> Stacked:
    """All pictures; in colour if the target, or without one any picture, is.

    Args:
        how: pictures larger than the target's are made smaller: `resize` the shorter side and cut out the centre, or
            `crop` the centre.

    Raises:
        UserError: a picture that is none, or of another size, or in colour where the target is grey.
    """
    size = _wanted(pictures, target, how)
    found: Counter[tuple[int, int]] = Counter()
    decoded = [_decode(picture, size, found) for picture in pictures]
    assert size is not None or len(found) == 1, "without a size the first picture decides"
    height, width = (size.height, size.width) if size is not None else next(iter(found))
    colour = target.channels == 3 if target else any(picture.shape[2] == 3 for picture in decoded)
    stacked = np.empty((len(pictures), height, width, 3 if colour else 1), dtype=np.uint8)
    for index, picture in enumerate(decoded):
        if not colour and (picture != picture[..., :1]).any():
            raise UserError(f"{pictures[index].name}: in colour, but the target is grey")
        stacked[index] = picture if colour else picture[..., :1]
    return Stacked(stacked.transpose(0, 3, 1, 2), _size_words(found, size))


def _wanted(pictures: Sequence[Encoded], target: Target | None, how: Fit | None) -> Size:
    if target is not None:
        return Size(*target.train.shape[1:], how)
    if how is not None:
        raise UserError(f"fit = {how}: needs the target, whose size is the aim")
    found: Counter[tuple[int, int]] = Counter()
    _decode(pictures[0], None, found)
    return Size(*next(iter(found)))


def _size_words(found: Counter[tuple[int, int]], size: Size) -> list[str] | None:
    others = [(each, count) for each, count in found.most_common() if each != (size.height, size.width)]
    if not others:
        return None
    (height, width), _ = others[0]
    how = (RESIZED if size.fit == "resize" else CROPPED).format(size=size.height)
    more = " and others" * (len(others) > 1)
    return [
        f"{size.height}x{size.width}",
        f"as told, {sum(count for _, count in others)} pictures of {height}x{width}{more}: {how}",
    ]


def _decode(picture: Encoded, size: Size | None, found: Counter[tuple[int, int]]) -> NDArray[np.uint8]:
    """One picture, (H, W, 1) or (H, W, 3)."""
    from PIL import Image, UnidentifiedImageError

    name, content = picture
    try:
        with Image.open(io.BytesIO(content) if isinstance(content, bytes) else content, formats=FORMATS) as image:
            # before decoding: a picture that claims to be huge costs nothing
            if size is not None:
                _require_size(image, size, name)
            found[image.height, image.width] += 1
            plain = _plain(image, name)
            return _pixels(plain if size is None or size.fit is None else _fitted(plain, size))
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"{name}: no readable picture") from None
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise UserError(f"{name}: no readable picture ({' '.join(str(error).split())})") from None


def _require_size(image: Image.Image, size: Size, name: str) -> None:
    height, width = image.height, image.width
    if (height, width) == (size.height, size.width):
        return
    found = f"{name}: {height}x{width} pixels (height x width), expected {size.height}x{size.width}"
    larger = min(height / size.height, width / size.width) >= 1
    if not larger or max(height / size.height, width / size.width) > MOST_TIMES:
        raise UserError(found)
    if size.fit is None:
        raise UserError(f"{found}; say how larger ones get there with fit = resize or crop (--fit)")


def _plain(image: Image.Image, name: str) -> Image.Image:
    if image.mode in GREY:
        return image.convert("L")
    if image.mode in COLOUR and "transparency" not in image.info:
        return image.convert("RGB")
    raise UserError(f"{name}: mode {image.mode}; expected grey or RGB pictures with 8 bits and no transparency")


def _fitted(image: Image.Image, size: Size) -> Image.Image:
    if size.fit == "resize":
        return fit(image, size.height)
    left, top = round((image.width - size.width) / 2), round((image.height - size.height) / 2)
    return image.crop((left, top, left + size.width, top + size.height))


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
