"""A coreset as a list of indices into the target's training split, in its own order.

DeepCore's checkpoints (`subset` with `indices`), and lists of whole numbers as `.npy` or JSON (`[3, 14, …]` or
`{"indices": […]}`). The pictures are the target's, so a target is needed; for named data sets its order is
torchvision's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pickled import UnreadableError, as_array, container_of, content_of
from rd3.synthetic.pixels import Array

NUMPY = b"\x93NUMPY"


def matches(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(4096)
    if head.startswith(NUMPY):
        return True
    if head.lstrip()[:1] in (b"[", b"{"):
        return _json(path) is not None
    return container_of(path) == "torch" and _subset(path) is not None


def read(path: Path, request: Request) -> Synthetic:
    if request.target is None:
        raise UserError("holds indices of training images; give the target that they are taken from")
    indices, weighted = _indices(path)
    train = request.target.train
    chosen = torch.from_numpy(_checked(indices, request.target))
    pixels, labels = train.batch(chosen.to(train.labels.device)).cpu().numpy(), train.labels.cpu()[chosen].numpy()
    info = {"ignored": ["weights"]} if weighted else {}
    return assemble(Raw(pixels, labels, classes=request.target.classes, info=info), request, origin="indices")


def _indices(path: Path) -> tuple[Array, bool]:
    subset = _subset(path) if container_of(path) == "torch" else None
    if subset is not None:
        found = subset.get("indices")
        values = as_array(found, "indices") if isinstance(found, torch.Tensor) else np.asarray(found)
        return values, subset.get("weights") is not None
    listed = _json(path)
    if listed is not None:
        return np.asarray(listed), False
    try:
        return np.load(path, allow_pickle=False), False
    except (ValueError, OSError, EOFError, MemoryError) as error:
        reason = "pickled Python objects, which rd3 never loads" if "pickle" in str(error) else "a damaged array"
        raise UserError(f"holds {reason}") from None


def _subset(path: Path) -> dict[str, Any] | None:
    try:
        content = content_of(path)
    except UnreadableError:
        return None
    subset = content.get("subset") if isinstance(content, dict) else None
    return subset if isinstance(subset, dict) and "indices" in subset else None


def _json(path: Path) -> list[int] | None:
    try:
        values = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return None
    values = values.get("indices") if isinstance(values, dict) else values
    whole = isinstance(values, list) and bool(values) and all(type(value) is int for value in values)
    return values if whole else None


def _checked(indices: Array, target: Target) -> Array:
    if indices.ndim != 1 or indices.dtype.kind not in "iu" or not len(indices):
        raise UserError(f"indices: expected a list of whole numbers, got {indices.dtype} of shape {indices.shape}")
    low, high = int(indices.min()), int(indices.max())
    if low < 0 or high >= len(target.train):
        last = len(target.train) - 1
        raise UserError(f"index {low if low < 0 else high}: '{target.name}' has training images 0 .. {last}")
    return indices.astype(np.int64)


FORMATS.add("indices")(Format("indices of training images: DeepCore's .ckpt, .npy or JSON", matches, read))
