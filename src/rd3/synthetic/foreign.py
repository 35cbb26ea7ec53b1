"""From arrays of unknown origin to a `Synthetic`: everything is checked before it is believed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of
from rd3.synthetic.artifact import Manifest, Synthetic, balanced_ipc, content_fingerprint
from rd3.synthetic.check import require_classes, require_shape
from rd3.synthetic.format import Request
from rd3.synthetic.pixels import Array, arrange, to_uint8
from rd3.synthetic.soft_labels import SoftLabelForm
from rd3.synthetic.validity import require_valid


@dataclass(frozen=True)
class Raw:
    """What a foreign file holds, before it is judged.

    Attributes:
        pixels: (N, H, W), (N, H, W, C) or (N, C, H, W), any dtype.
        labels: one class index an image, any dtype.
        soft_labels: one row an image, or None.
        soft_label_form: what the soft labels are, or None where the file does not say.
        classes: class names in label order, or None where the file does not say.
        info: what is worth keeping in the manifest.
    """

    pixels: Array
    labels: Array
    soft_labels: Array | None = None
    soft_label_form: SoftLabelForm | None = None
    learned_lr: float | None = None
    classes: tuple[str, ...] | None = None
    info: dict[str, Any] = field(default_factory=dict)


def assemble(raw: Raw, request: Request, *, origin: str) -> Synthetic:
    """Check what a file holds and make a synthetic of it.

    Args:
        origin: name of the format.

    Raises:
        UserError: anything that is wrong with it, or with it for the target.
    """
    target = request.target
    arranged = arrange(raw.pixels, target.train.shape if target else None)
    labels = _labels(raw.labels, len(arranged))
    statistics = (target.mean, target.std) if target else None
    pixels, clamped = to_uint8(arranged, kind=request.pixels, statistics=statistics)
    images = torch.from_numpy(np.ascontiguousarray(pixels))
    classes = _classes(raw, request, labels)
    soft_labels = None if raw.soft_labels is None else _soft_labels(raw.soft_labels)
    if target is not None:
        require_shape(_shape(images), target)
        require_classes(raw.classes or classes, target)
    require_valid(images, labels, soft_labels, len(classes))
    _require_every_class(labels, classes)
    info = {**raw.info, "clamped": clamped, "named_classes": raw.classes is not None}
    manifest = Manifest(
        method=request.name,
        target=target.name if target else None,
        target_fingerprint=target.fingerprint if target else None,
        classes=classes,
        ipc=balanced_ipc(labels, len(classes)),
        fingerprint=_fingerprint(content_fingerprint(images, labels, soft_labels), raw),
        info=info,
        origin=f"imported from {origin}",
        soft_label_form=raw.soft_label_form if soft_labels is not None else None,
    )
    return Synthetic(images, labels, soft_labels, raw.learned_lr, manifest)


def _fingerprint(content: str, raw: Raw) -> str:
    """Of pixels and labels, and of what is said about them, which decides how they are judged."""
    if raw.learned_lr is None and raw.soft_label_form is None:
        return content
    return fingerprint_of("imported", [content, raw.learned_lr, raw.soft_label_form])


def _labels(labels: Array, images: int) -> Tensor:
    if labels.dtype.kind not in "iu":
        hint = "; a row of scores an image belongs in 'soft_labels'" if labels.ndim == 2 else ""
        raise UserError(f"labels: expected integers 0 .. classes - 1, got {labels.dtype}{hint}")
    if labels.ndim != 1:
        raise UserError(f"labels: expected one an image, got shape {labels.shape}")
    if len(labels) != images:
        raise UserError(f"{images} images but {len(labels)} labels")
    return torch.from_numpy(labels.astype(np.int64))


def _soft_labels(soft_labels: Array) -> Tensor:
    if soft_labels.dtype.kind != "f":
        raise UserError(f"soft_labels: expected floats, got {soft_labels.dtype}")
    kept = soft_labels.dtype if soft_labels.dtype.itemsize <= 4 else np.dtype(np.float32)
    # .newbyteorder("="): torch takes no array of the other byte order
    return torch.from_numpy(np.ascontiguousarray(soft_labels.astype(kept.newbyteorder("="))))


def _classes(raw: Raw, request: Request, labels: Tensor) -> tuple[str, ...]:
    if request.target is not None:
        return request.target.classes
    if raw.classes is not None:
        return raw.classes
    return tuple(map(str, range(int(labels.max()) + 1)))


def _shape(images: Tensor) -> tuple[int, int, int]:
    channels, height, width = images.shape[1:]
    return channels, height, width


def _require_every_class(labels: Tensor, classes: tuple[str, ...]) -> None:
    counts = torch.bincount(labels, minlength=len(classes))
    empty = [name for name, count in zip(classes, counts.tolist(), strict=True) if count == 0]
    if empty:
        more = f" and {len(empty) - 1} more" if len(empty) > 1 else ""
        raise UserError(f"class '{empty[0]}'{more}: no image")
