"""Images and labels as bare tensors in files of their own, paired by their names.

`images_best.pt` and `labels_best.pt` (MTT, TESLA, PAD; `ema_images_…` of FTD; with `lr_best.pt` DATM and EDF, whose
labels are logits), DD-Ranking's copies `images.pt`, `labels.pt`, `lr.pt` and its random `rdm_data_iter0.pt`,
`rdm_labels_iter0.pt`, and dc_benchmark's `CIFAR10_IPC10_normalize_images.pt`. A path names the file of images, or a
folder with one such pair. Shards `images_best_0.pt`, `images_best_1.pt`, … are one set. `images_zca_….pt` holds
pictures that are not whitened any more.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from rd3.base.errors import UserError
from rd3.data.spaces import PixelSpace
from rd3.synthetic.artifact import MANIFEST, Synthetic
from rd3.synthetic.foreign import Raw, assemble, joined
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pickled import UnreadableError, as_array, container_of, content_of, is_tensor

SPACES: tuple[PixelSpace, ...] = ("raw01", "norm_dc", "norm_cifar10", "norm_imagenet", "zca_kornia")
IMAGES = re.compile(r"(.*?)(images|data)(?:_zca)?(_[^/]*)?\.pth?", re.DOTALL)
SHARD = re.compile(r"(.*_best|images)_(\d)\.pth?")


def matches(path: Path) -> bool:
    if path.is_dir():
        return not (path / MANIFEST).exists() and bool(_image_files(path))
    return container_of(path) == "torch" and _holds_images(path)


def read(path: Path, request: Request) -> Synthetic:
    shards = _shards(path)
    parts = [Raw(_tensor(file, "images"), _labels(file), spaces=SPACES) for file in shards]
    raw = joined(parts) if len(parts) > 1 else parts[0]
    rate = _beside(shards[0], "lr")
    soft = raw.labels is not None and raw.labels.ndim == 2
    info: dict[str, Any] = {"files": [file.name for file in shards]}
    learned_lr = None if rate is None else _rate(rate)
    hard = _beside(shards[0], "hard_labels") if soft else None
    if hard is not None:
        raw = replace(raw, labels=_tensor(hard, "hard labels"), soft_labels=raw.labels)
    raw = replace(raw, learned_lr=learned_lr, soft_label_form="logits" if soft else None, info=info)
    return assemble(raw, request, origin="tensors")


def _image_files(folder: Path) -> list[Path]:
    """Files of images that have labels beside them."""
    found = [file for file in sorted(folder.iterdir()) if file.is_file() and IMAGES.fullmatch(file.name)]
    return [file for file in found if _beside(file, "labels") is not None and container_of(file) == "torch"]


def _holds_images(path: Path) -> bool:
    try:
        return is_tensor(content_of(path), dimensions=4)
    except UnreadableError:
        return False


def _shards(path: Path) -> list[Path]:
    """The files of images of one set.

    Raises:
        UserError: the folder holds several sets.
    """
    if path.is_file():
        return [path]
    files = _image_files(path)
    numbers = [SHARD.fullmatch(file.name) for file in files]
    if len(files) == 1:
        return files
    if all(numbers) and [int(match[2]) for match in numbers if match] == list(range(len(files))):
        return files
    names = ", ".join(file.name for file in files[:6]) + (", …" if len(files) > 6 else "")
    raise UserError(f"holds several sets: {names}; name the file of one")


def _beside(images: Path, what: str) -> Path | None:
    """The file of labels (or the rate) that belongs to a file of images: the same name but for that word."""
    match = IMAGES.fullmatch(images.name)
    if match is None:
        return None
    for suffix in (match[3] or "", *(["_best"] if what == "lr" else [])):
        file = images.with_name(f"{match[1]}{what}{suffix}{images.suffix}")
        if file.is_file():
            return file
    bare = match[1].replace("normalize_", "")
    file = images.with_name(f"{bare}{what}{match[3] or ''}{images.suffix}")
    return file if file.is_file() else None


def _tensor(path: Path, what: str) -> Any:
    try:
        content = content_of(path)
    except UserError as error:
        raise UserError(f"{path.name}: {error}") from None
    return as_array(content, f"{path.name}: {what}")


def _labels(images: Path) -> Any:
    file = _beside(images, "labels")
    if file is None:
        raise UserError(f"{images.name}: holds images alone; its labels are looked for beside it under the same name")
    return _tensor(file, "labels")


def _rate(path: Path) -> float:
    value = _tensor(path, "learned rate")
    if value.size != 1:
        raise UserError(f"{path.name}: expected one learned rate, got shape {value.shape}")
    return float(value.reshape(-1)[0])


FORMATS.add("tensors")(
    Format("images….pt with labels….pt (and lr….pt) beside it: MTT, TESLA, FTD, PAD, DATM, EDF", matches, read)
)
