"""A part of CIFAR-10 in torchvision's own layout, for a program that reads no other.

It runs in the peer's environment too, so it imports nothing of rd3.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from torchvision.datasets import CIFAR10


def write_cifar10(npz: Path, root: Path) -> None:
    """Write `root/cifar-10-batches-py`, and tell torchvision the checksums of this process's CIFAR-10.

    The checksums are attributes of `torchvision.datasets.CIFAR10`. The files are pickles since torchvision reads those;
    whoever wrote them reads them, at once.

    Args:
        npz: `x_train`, `x_test` uint8 (N, 32, 32, 3), `y_train`, `y_test` and `classes`.
    """
    with np.load(npz, allow_pickle=False) as file:
        arrays = dict(file)
    folder = root / CIFAR10.base_folder
    folder.mkdir(parents=True)
    names = [name for name, _ in CIFAR10.train_list]
    parts = np.array_split(np.arange(len(arrays["x_train"])), len(names))
    CIFAR10.train_list = [
        [name, _write(folder / name, _batch(arrays, "train", part))] for name, part in zip(names, parts, strict=True)
    ]
    name = CIFAR10.test_list[0][0]
    CIFAR10.test_list = [[name, _write(folder / name, _batch(arrays, "test", slice(None)))]]
    meta = folder / CIFAR10.meta["filename"]
    CIFAR10.meta = {**CIFAR10.meta, "md5": _write(meta, {"label_names": arrays["classes"].tolist()})}


def _batch(arrays: dict[str, Any], split: str, part: Any) -> dict[str, Any]:
    """Pixels as (N, 3072), channel by channel."""
    images = arrays[f"x_{split}"][part]
    return {
        "data": images.transpose(0, 3, 1, 2).reshape(len(images), -1),
        "labels": arrays[f"y_{split}"][part].tolist(),
    }


def _write(path: Path, content: dict[str, Any]) -> str:
    """Returns the MD5 of the file."""
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()
