"""A fixed, stratified train/test split of data that come without one."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray


def stratified_split(labels: NDArray[np.integer], test_fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split positions 0 … N-1 class by class.

    The images of a class are ordered by the SHA-256 of their position, written in decimal; the first
    round(test_fraction * images) of them are the test images. No random generator is involved, so the split is the same
    with every version of every library.

    Args:
        labels: integers, shape (N,).
        test_fraction: between 0 and 1.

    Returns:
        Positions of the train and of the test images, both ascending.
    """
    test: list[int] = []
    for label in np.unique(labels):
        own = sorted(np.flatnonzero(labels == label).tolist(), key=_order)
        test += own[: round(test_fraction * len(own))]
    is_test = np.isin(np.arange(len(labels)), test)
    return np.flatnonzero(~is_test), np.flatnonzero(is_test)


def _order(position: int) -> bytes:
    return hashlib.sha256(str(position).encode()).digest()
