"""What becomes of a set so that a format can hold it: mosaics taken apart, floats rounded, images put class by class.

Each makes another set, under a fingerprint of its own, and leaves one alone that needs nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from rd3.base.spec import fingerprint_of
from rd3.data.images import as_levels, as_unit
from rd3.data.mosaic import decoded, repeated
from rd3.synthetic.artifact import Synthetic, balanced_ipc
from rd3.synthetic.soft_labels import as_logits


def expanded(synthetic: Synthetic) -> Synthetic:
    """Mosaics as the images that they stand for, float32, class by class; IPC counts these."""
    decode = synthetic.manifest.decode
    if decode is None:
        return synthetic
    labels = repeated(synthetic.labels, decode)
    soft = None if synthetic.soft_labels is None else repeated(synthetic.soft_labels, decode)
    changes = {"decode": None, "ipc": balanced_ipc(labels, len(synthetic.classes))}
    images = decoded(as_unit(synthetic.images), decode)
    return class_by_class(_changed(synthetic, "expanded", changes, images=images, labels=labels, soft_labels=soft))


def quantised(synthetic: Synthetic) -> Synthetic:
    """Float pixels clamped and rounded to bytes."""
    if not synthetic.images.is_floating_point():
        return synthetic
    return _changed(synthetic, "quantised", {}, images=as_levels(synthetic.images))


def rounding(images: Tensor) -> str:
    """What bytes lose of float pixels, in words."""
    levels = images * 255
    clamped = float(((levels < -0.5) | (levels > 255.5)).float().mean())
    furthest = float((as_levels(images).float() - levels).abs().max())
    return f"rounded to bytes: {clamped:.1%} of the values were clamped, the furthest by {furthest:.3g} of 255 levels"


def class_by_class(synthetic: Synthetic) -> Synthetic:
    """Images in the order of their labels; within a class the order stays."""
    if bool((synthetic.labels.diff() >= 0).all()):
        return synthetic
    order = synthetic.labels.argsort(stable=True)
    soft = None if synthetic.soft_labels is None else synthetic.soft_labels[order]
    parts = {"images": synthetic.images[order], "labels": synthetic.labels[order], "soft_labels": soft}
    return _changed(synthetic, "class by class", {}, **parts)


def with_logits(synthetic: Synthetic) -> Synthetic:
    """Soft labels as float32 logits; what nobody says the form of stays as it is."""
    form = synthetic.manifest.soft_label_form
    if synthetic.soft_labels is None or form in (None, "logits"):
        return synthetic
    logits = as_logits(synthetic.soft_labels, form)
    return _changed(synthetic, "logits", {"soft_label_form": "logits"}, soft_labels=logits)


def without_soft_labels(synthetic: Synthetic) -> Synthetic:
    """Images and hard labels alone."""
    if synthetic.soft_labels is None:
        return synthetic
    return _changed(synthetic, "hard", {"soft_label_form": None}, soft_labels=None)


def _changed(synthetic: Synthetic, how: str, changes: dict[str, Any], **parts: Tensor | None) -> Synthetic:
    fingerprint = fingerprint_of(how, [synthetic.manifest.fingerprint])
    manifest = synthetic.manifest.model_copy(update={**changes, "fingerprint": fingerprint})
    held: dict[str, Any] = {name: None if part is None else _held(part) for name, part in parts.items()}
    return replace(synthetic, **held, manifest=manifest)


def _held(tensor: Tensor) -> Tensor:
    return tensor.to(torch.device("cpu")).contiguous()
