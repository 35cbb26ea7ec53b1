"""Targets from `.npz` files: x_train, y_train, x_test, y_test, and optional `classes`."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rd3.base.errors import UserError
from rd3.data.arrays import Labels, content_of
from rd3.data.decode import Pixels
from rd3.data.source import Content, Reading

KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path, reading: Reading) -> Content:
    """Read and check the four arrays of a file; nothing is unpickled.

    Raises:
        UserError: one line that names the file, the array and what is wrong with it.
    """
    return content_of_arrays(path, _load(path), reading)


def content_of_arrays(where: Path | str, arrays: Mapping[str, NDArray[Any]], reading: Reading) -> Content:
    """Check arrays that are named as in a file, and make both splits of them.

    Images are uint8 of shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C = 1 or 3. Without `classes` the names are
    the labels of the training split, 0 to the largest.

    Args:
        where: they come from, for messages.

    Raises:
        UserError: one line that names where, the array and what is wrong with it.
    """
    train, test = (_split(where, arrays, split, square=reading.size is None) for split in ("train", "test"))
    classes = _class_names(where, arrays.get("classes"), train[1])
    for split, (_, labels) in {"train": train, "test": test}.items():
        _check_range(where, f"y_{split}", labels, len(classes))
    return content_of(train, test, classes=classes, size=reading.size)


def _load(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return _members(path)
    except UserError:
        raise
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = "it holds Python objects, which are not read" if "pickle" in str(error) else str(error)
        raise UserError(f"{path}: not a readable .npz file: {reason}") from error


def _members(path: Path) -> dict[str, NDArray[Any]]:
    file = np.load(path, allow_pickle=False)
    if isinstance(file, np.ndarray):
        raise UserError(f"{path}: is a single array, not an .npz file with {', '.join(KEYS)}")
    with file:
        missing = [key for key in KEYS if key not in file]
        if missing:
            raise UserError(f"{path}: has no array {missing[0]}; found: {', '.join(file.files) or 'nothing'}")
        return {key: file[key] for key in (*KEYS, "classes") if key in file}


def _split(where: Path | str, arrays: Mapping[str, NDArray[Any]], split: str, *, square: bool) -> tuple[Pixels, Labels]:
    x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
    _check_pixels(where, f"x_{split}", x)
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise UserError(f"{where}: y_{split} is {y.dtype} of shape {y.shape}; expected whole numbers of shape (N,)")
    if len(x) != len(y):
        raise UserError(f"{where}: x_{split} has {len(x)} images, y_{split} {len(y)} labels")
    pixels = channels_first(where, f"x_{split}", x)
    height, width = pixels.shape[2:]
    if square and height != width:
        raise UserError(
            f"{where}: x_{split} has images of {height} x {width}, not square; give a side, for instance @64"
        )
    return pixels, y


def _check_pixels(where: Path | str, key: str, x: NDArray[Any]) -> None:
    if x.ndim not in (3, 4) or not x.size:
        raise UserError(f"{where}: {key} has shape {x.shape}; expected (N, H, W), (N, H, W, C) or (N, C, H, W)")
    if x.dtype == np.uint8:
        return
    if x.dtype.kind == "f" and np.isnan(x).any():
        raise UserError(f"{where}: {key} is {x.dtype} and holds NaN; expected uint8 from 0 to 255")
    found = f" from {x.min():.4g} to {x.max():.4g}" if x.dtype.kind in "fiu" else ""
    raise UserError(f"{where}: {key} is {x.dtype}{found}; expected uint8 from 0 to 255")


def channels_first(where: Path | str, key: str, x: Pixels) -> Pixels:
    """Images as (N, C, H, W), whichever of the three layouts they are in.

    Raises:
        UserError: no axis, or both the second and the last, could be that of 1 or 3 channels.
    """
    if x.ndim == 3:
        return x[:, None]
    first, last = x.shape[1] in (1, 3), x.shape[3] in (1, 3)
    if first and last:
        raise UserError(f"{where}: {key} has shape {x.shape}: the channels could be on the second or the last axis")
    if not first and not last:
        raise UserError(f"{where}: {key} has shape {x.shape}; expected 1 or 3 channels on the second or the last axis")
    return x if first else np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def _class_names(where: Path | str, names: NDArray[Any] | None, labels: Labels) -> tuple[str, ...]:
    if names is None:
        return tuple(str(label) for label in range(int(labels.max()) + 1))
    if names.ndim != 1 or names.dtype.kind not in "US":
        raise UserError(f"{where}: classes is {names.dtype} of shape {names.shape}; expected text of shape (K,)")
    texts = tuple(name.decode() if isinstance(name, bytes) else str(name) for name in names.tolist())
    if len(set(texts)) < len(texts):
        raise UserError(f"{where}: classes holds a name twice")
    return texts


def _check_range(where: Path | str, key: str, labels: Labels, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise UserError(f"{where}: {key} holds the label {low if low < 0 else high}; expected 0 to {classes - 1}")
