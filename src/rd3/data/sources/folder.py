"""`folder:PATH`, with train/CLASS/* beside test/CLASS/* or val/CLASS/*, and `npz:PATH`."""

from __future__ import annotations

from pathlib import Path

from rd3.base.errors import UserError
from rd3.data.folders import read_folder
from rd3.data.npz import read_npz
from rd3.data.source import SOURCES, Place, Source


def _folder(path: str, _download: bool) -> Place:
    root = Path(path).expanduser().absolute()
    if not (root / "train").is_dir():
        there = "has no folder train" if root.is_dir() else "is not a folder"
        raise UserError(f"{root}: {there}; expected train/CLASS/* and test/CLASS/* or val/CLASS/*")
    return Place(root, read_folder)


def _npz(path: str, _download: bool) -> Place:
    file = Path(path).expanduser().absolute()
    if not file.is_file():
        raise UserError(f"{file}: no such file")
    return Place(file, read_npz)


SOURCES.add("folder")(
    Source("images in PATH/train/CLASS/ and PATH/test/CLASS/ (or val); @SIDE resizes them", _folder, "folder:PATH")
)
SOURCES.add("npz")(
    Source("arrays x_train, y_train, x_test, y_test (uint8) and optional classes in a .npz file", _npz, "npz:PATH")
)
