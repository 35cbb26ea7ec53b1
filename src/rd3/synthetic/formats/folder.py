"""Class folders of pictures, CLASS/*.png or *.jpg, as decoupled methods publish them.

Folders are named as the target's classes, or 0, 1, 2, … with or without leading zeros (RDED: `00007`) and with or
without `new` in front (SRe2L and its successors: `new007`). Numbers are read as numbers, so `new1000` follows `new999`.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic.artifact import MANIFEST, Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES = {".png", ".jpg", ".jpeg"}
INDEX = re.compile(r"(?:new)?(\d{1,6})", re.ASCII)
GREY, COLOUR = {"1", "L"}, {"RGB", "P", "CMYK", "YCbCr"}


def matches(path: Path) -> bool:
    return path.is_dir() and not (path / MANIFEST).exists() and bool(_folders(path))


def read(path: Path, request: Request) -> Synthetic:
    if request.pixels not in (None, "uint8"):
        raise UserError(f"pixels = {request.pixels}: pictures hold bytes and need no such reading")
    folders = sorted(_folders(path))
    order, classes = class_order([folder.name for folder in folders], request.target)
    found = [(order[folder.name], file) for folder in folders for file in _pictures(folder)]
    found.sort(key=lambda pair: pair[0])
    empty = [folder.name for folder in folders if not _pictures(folder)]
    if empty:
        raise UserError(f"class folder{_some(empty)} holds no {', '.join(sorted(SUFFIXES))}")
    labels = np.array([label for label, _ in found], dtype=np.int64)
    raw = Raw(_stack(path, [file for _, file in found], request.target), labels, classes=classes)
    return assemble(raw, request, origin="folder")


def class_order(folders: list[str], target: Target | None) -> tuple[dict[str, int], tuple[str, ...] | None]:
    """Folder name -> label, and the class names where the folders carry them.

    Without a target, names that are not all numbers are labelled in alphabetical order, as ImageFolder does.

    Raises:
        UserError: folders that fit neither the target's class names nor the numbers 0 .. C - 1, or two for one class.
    """
    numbers = {name: int(match[1]) for name in folders if (match := INDEX.fullmatch(name))}
    if target is None:
        if len(numbers) < len(folders):
            return {name: label for label, name in enumerate(sorted(folders))}, tuple(sorted(folders))
        return _one_each(numbers), None
    numbers = {name: label for name, label in numbers.items() if label < len(target.classes)}
    named = {name: target.classes.index(name) for name in folders if name in target.classes}
    order = named if len(named) >= len(numbers) else numbers
    strangers = [name for name in folders if name not in order]
    if strangers:
        last = len(target.classes) - 1
        raise UserError(
            f"class folder{_some(strangers)}: neither among the classes of target '{target.name}' nor 0 .. {last}"
        )
    return _one_each(order), target.classes if order is named else None


def _one_each(order: dict[str, int]) -> dict[str, int]:
    first: dict[int, str] = {}
    for name, label in order.items():
        if first.setdefault(label, name) != name:
            raise UserError(f"class folders '{first[label]}' and '{name}' are both class {label}")
    return order


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{'s' if len(names) > 1 else ''} {', '.join(repr(name) for name in names[:3])}{more}"


def _folders(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir() and not each.name.startswith((".", "__"))]


def _pictures(folder: Path) -> list[Path]:
    found = (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(found)


def _stack(path: Path, files: list[Path], target: Target | None) -> NDArray[np.uint8]:
    """All pictures, (N, C, H, W); in colour if the target, or without one any picture, is."""
    size = target.train.shape[1:] if target else _decode(path, files[0], None).shape[:2]
    pictures = [_decode(path, file, size) for file in files]
    colour = target.channels == 3 if target else any(picture.shape[2] == 3 for picture in pictures)
    stacked = np.empty((len(files), *size, 3 if colour else 1), dtype=np.uint8)
    for index, picture in enumerate(pictures):
        if not colour and (picture != picture[..., :1]).any():
            raise UserError(f"{files[index].relative_to(path)}: in colour, but the target is grey")
        stacked[index] = picture if colour else picture[..., :1]
    return stacked.transpose(0, 3, 1, 2)


def _decode(path: Path, file: Path, size: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """One picture, (H, W, 1) or (H, W, 3)."""
    from PIL import Image, UnidentifiedImageError

    name = file.relative_to(path)
    try:
        with Image.open(file) as picture:
            # before decoding: a picture that claims to be huge costs nothing
            if size is not None and (picture.height, picture.width) != tuple(size):
                found = f"{picture.height}x{picture.width}"
                raise UserError(f"{name}: {found} pixels (height x width), expected {size[0]}x{size[1]}")
            return _pixels(picture, name)
    except UserError:
        raise
    except UnidentifiedImageError:
        raise UserError(f"{name}: no readable picture") from None
    except (OSError, SyntaxError, ValueError, struct.error, Image.DecompressionBombError) as error:
        raise UserError(f"{name}: no readable picture ({' '.join(str(error).split())})") from None


def _pixels(picture: Image.Image, name: Path) -> NDArray[np.uint8]:
    if picture.mode in GREY:
        return np.asarray(picture.convert("L"))[..., None]
    if picture.mode in COLOUR and "transparency" not in picture.info:
        return np.asarray(picture.convert("RGB"))
    raise UserError(f"{name}: mode {picture.mode}; expected grey or RGB pictures with 8 bits and no transparency")


FORMATS.add("folder")(Format("class folders of .png or .jpg", matches, read))
