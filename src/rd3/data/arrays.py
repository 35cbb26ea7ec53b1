"""Targets from arrays that are already decoded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from rd3.data import fingerprints
from rd3.data.decode import RESIZED, Pixels, fit_all
from rd3.data.images import MemoryImages
from rd3.data.source import Content

Labels = NDArray[np.integer]


def content_of(
    train: tuple[Pixels, Labels],
    test: tuple[Pixels, Labels],
    *,
    classes: Sequence[str],
    size: int | None,
    notes: tuple[str, ...] = (),
) -> Content:
    """Both splits, resized if asked.

    Args:
        train, test: pixels of shape (N, channels, height, width) and labels of shape (N,).
        classes: names in label order.
        size: side to resize to, None for the arrays' own.
        notes: what a reader must know of where they come from.
    """
    held = _in_memory(*train, size), _in_memory(*test, size)
    if size is not None and {train[0].shape[2:], test[0].shape[2:]} != {(size, size)}:
        notes = (*notes, RESIZED.format(size=size))
    return Content(*held, tuple(classes), fingerprints.of_pixels(*held), notes)


def _in_memory(pixels: Pixels, labels: Labels, size: int | None) -> MemoryImages:
    fitted = np.require(fit_all(pixels, size), requirements=["C_CONTIGUOUS", "WRITEABLE"])  # what torch asks for
    return MemoryImages(torch.from_numpy(fitted), torch.from_numpy(labels.astype(np.int64)))
