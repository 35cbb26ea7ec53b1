"""Class folders of pictures, CLASS/*.png or *.jpg, as decoupled methods and generative ones publish them.

Folders are named as the target's classes, by ImageNet's WordNet ids (D4M, Minimax and others), or 0, 1, 2, … with or
without leading zeros (RDED: `00007/class00007_id00003.jpg`) and with or without `new` in front (SRe2L and its
successors: `new007/class007_id003.jpg`; LPLD has `new007_it500` of pictures on the way besides, which are left out).
Numbers are read as numbers, so `new1000` follows `new999`; a list of classes may say which class a number is.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rd3.base.errors import UserError
from rd3.synthetic.artifact import MANIFEST, Synthetic
from rd3.synthetic.class_folders import class_order, one_iteration, some, without_iteration
from rd3.synthetic.detect import is_mosaic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.label_store import is_label_store
from rd3.synthetic.labelled import dataset_of, with_store
from rd3.synthetic.pictures import SUFFIXES, Encoded, shards, stack

RDED = re.compile(r"class\d{5}_id\d{5}\.jpg", re.ASCII)


def matches(path: Path) -> bool:
    if not path.is_dir() or (path / MANIFEST).exists() or is_label_store(path) or shards(path):
        return False
    return bool(_folders(path))


def read(path: Path, request: Request) -> Synthetic:
    if request.pixels not in (None, "uint8"):
        raise UserError(f"pixels = {request.pixels}: pictures hold bytes and need no such reading")
    names, left_out = one_iteration(sorted(folder.name for folder in _folders(path)))
    classes_of = {name: without_iteration(name) for name in names}
    order, classes = class_order(list(classes_of.values()), request.target, request.classes)
    found = [(order[classes_of[name]], file) for name in names for file in _pictures(path / name)]
    empty = [name for name in names if not _pictures(path / name)]
    if empty:
        raise UserError(f"class folder{some(empty)} holds no {', '.join(sorted(SUFFIXES))}")
    sorted_as_text = [file for _, file in found]
    found.sort(key=lambda pair: pair[0])
    files, labels = [file for _, file in found], np.array([label for label, _ in found], dtype=np.int64)
    encoded = [Encoded(str(file.relative_to(path)), file) for file in files]
    pictures = stack(encoded, request.target, request.fit)
    readings = _readings(files, pictures.pixels, pictures.size, request)
    place = {file: row for row, file in enumerate(files)}
    dataset = dataset_of(labels, np.array([place[file] for file in sorted_as_text]), pictures.pixels, request)
    info: dict[str, Any] = {"left_out": left_out} if left_out else {}
    raw = Raw(pictures.pixels, labels, classes=classes, info=info, readings=readings)
    return assemble(with_store(raw, dataset, request), replace(request, classes=None), origin="folder")


def _readings(
    files: list[Path], pixels: NDArray[np.uint8], size: list[str] | None, request: Request
) -> dict[str, list[str]]:
    endings = sorted({file.suffix.lower() for file in files})
    readings = {"pictures": ["bytes", f"as they are in {', '.join(endings)}"]}
    if size is not None:
        readings["size"] = size
    if request.classes is not None:
        readings["class order"] = ["of the given list", "as told"]
    if request.decode is None and all(RDED.fullmatch(file.name) for file in files):
        readings["decode"] = ["none", "named as RDED's, whose 2x2 patches are part of one picture"]
    elif request.decode is None and is_mosaic(torch.from_numpy(np.ascontiguousarray(pixels))):
        readings["decode"] = ["none", "pictures look like 2x2 mosaics, and are kept whole; --decode 2 cuts them up"]
    return readings


def _folders(path: Path) -> list[Path]:
    return [each for each in path.iterdir() if each.is_dir() and not each.name.startswith((".", "__"))]


def _pictures(folder: Path) -> list[Path]:
    found = (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith("."))
    return sorted(found)


FORMATS.add("folder")(Format("class folders of .png or .jpg", matches, read, pictures=True))
