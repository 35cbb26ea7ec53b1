"""What a synthetic must be, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import PIXEL_TYPES


def require_valid(images: Tensor, labels: Tensor, soft_labels: Tensor | None, classes: int) -> None:
    """Refuse tensors that are no data set.

    Args:
        images: uint8 or finite float32 (N, C, H, W), N > 0.
        labels: int64 (N,), each in 0 .. classes - 1.
        soft_labels: float (N, classes), finite, or None.

    Raises:
        UserError: the first thing that is wrong.
    """
    if images.dtype not in PIXEL_TYPES or images.ndim != 4 or 0 in images.shape:
        raise UserError(f"images: expected uint8 or float32 of shape (N, C, H, W), got {_kind(images)}")
    bad_images = (~images.isfinite()).flatten(1).any(dim=1)
    if bad_images.any():
        raise UserError(f"images: NaN or infinity, first in image {int(bad_images.nonzero()[0])}")
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise UserError(f"labels: expected int64 of shape ({len(images)},), one an image, got {_kind(labels)}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        bad = low if low < 0 else high
        raise UserError(f"label {bad}: must be in 0 .. {classes - 1} for {classes} classes")
    if soft_labels is None:
        return
    if not soft_labels.is_floating_point() or soft_labels.shape != (len(images), classes):
        shape = f"({len(images)}, {classes}), images x classes"
        raise UserError(f"soft_labels: expected floats of shape {shape}, got {_kind(soft_labels)}")
    bad_rows = (~soft_labels.isfinite()).any(dim=1)
    if bad_rows.any():
        raise UserError(f"soft_labels: NaN or infinity, first for image {int(bad_rows.nonzero()[0])}")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Put the path in front of a UserError that is raised inside, unless it is there."""
    try:
        yield
    except UserError as error:
        message = str(error)
        if not message.startswith(f"{path}: "):
            error.args = (f"{path}: {message}",)
        raise error from None
