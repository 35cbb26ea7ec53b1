"""Stored mosaics as the images that a student is trained on."""

from __future__ import annotations

import torch
from torch import Tensor

from rd3.data.images import Images, MemoryImages, as_unit
from rd3.data.mosaic import Decode, decoded, repeated


def expanded(images: Images, soft_labels: Tensor | None, decode: Decode) -> tuple[MemoryImages, Tensor | None]:
    """The images that mosaics stand for, as raw floats in memory, with their hard and soft labels repeated."""
    stored = as_unit(images.batch(torch.arange(len(images), device=images.labels.device)))
    labels = repeated(images.labels, decode)
    return MemoryImages(decoded(stored, decode), labels), None if soft_labels is None else repeated(soft_labels, decode)
