"""`fashion-mnist` (Xiao et al. 2017, arXiv 1708.07747): 60,000 + 10,000 grey images of 28x28."""

from __future__ import annotations

import gzip
import zlib
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rd3.base.errors import UserError
from rd3.data.arrays import content_of
from rd3.data.licences import FASHION_MNIST
from rd3.data.named import Layout, find, layouts_of
from rd3.data.source import SOURCES, Content, Published, Reading, Source

FIRST = "train-images-idx3-ubyte"
CLASSES = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)
STATISTICS = Published((0.2861,), (0.3530,), "published (the matching papers, for instance DC)")


def read_raw(path: Path, reading: Reading) -> Content:
    """The four original files, packed or not."""
    train, test = (
        (read_idx(path / f"{split}-images-idx3-ubyte", 3)[:, None], read_idx(path / f"{split}-labels-idx1-ubyte", 1))
        for split in ("train", "t10k")
    )
    return content_of(train, test, classes=CLASSES, size=reading.size)


def read_idx(path: Path, rank: int) -> NDArray[np.uint8]:
    """An array of bytes in LeCun's IDX format: 0, 0, 8 (bytes), rank, then big-endian sides, then the values.

    Args:
        path: of the file; with `.gz` behind it if only that is there.
        rank: that it must have.

    Raises:
        UserError: it is missing, damaged or something else.
    """
    packed = path.with_name(f"{path.name}.gz")
    try:
        data = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{packed}: damaged: {error}") from error
    if data[:4] != bytes([0, 0, 8, rank]):
        raise UserError(f"{path}: not an IDX file of bytes with {rank} axes")
    shape = np.frombuffer(data, ">i4", count=rank, offset=4)
    values = np.frombuffer(data, np.uint8, offset=4 + 4 * rank)
    if values.size != shape.prod():
        raise UserError(f"{path}: damaged: {values.size} values, expected {shape.prod()}")
    return values.reshape(shape)


def fetch(root: Path) -> None:
    """Download through torchvision."""
    from torchvision.datasets import FashionMNIST

    FashionMNIST(root, download=True)


# torchvision's own folder, that folder one level down, and the raw files alone, as Debian packs them.
FOLDERS = ("FashionMNIST/raw", "fashion-mnist/FashionMNIST/raw", "fashion-mnist")
LAYOUTS = layouts_of(
    "fashion-mnist", *(Layout(folder, read_raw, holds=FIRST + end) for folder in FOLDERS for end in ("", ".gz"))
)
SOURCES.add("fashion-mnist")(
    Source(
        "Fashion-MNIST, 1x28x28, 10 classes, 60,000 + 10,000; in $RD3_DATA",
        partial(find, name="fashion-mnist", layouts=LAYOUTS, fetch=fetch),
        size=28,
        classes=10,
        channels=1,
        images=(60_000, 10_000),
        published=STATISTICS,
        licence=FASHION_MNIST,
    )
)
