"""Labels as people store them: ids as integers or floats, one-hot rows, or soft labels of four forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic.detect import form_of
from rd3.synthetic.format import Request
from rd3.synthetic.pixels import Array
from rd3.synthetic.soft_labels import SoftLabelForm

CLASS_MAJOR = 0.8  # the share of soft labels that must point to their place for the classes to be taken in blocks


@dataclass(frozen=True)
class Labels:
    """Labels as they are kept.

    Attributes:
        hard: int64 (N,).
        soft: float (N, classes), or None.
        form: what the soft ones are.
        readings: what -> [reading, how that is known].
    """

    hard: Tensor
    soft: Tensor | None = None
    form: SoftLabelForm | None = None
    readings: dict[str, list[str]] = field(default_factory=dict)


def read_labels(
    labels: Array | None, soft: Array | None, form: SoftLabelForm | None, request: Request, images: int
) -> Labels:
    """The labels of `images` images.

    Args:
        labels: ids (N,), or rows (N, classes), or None.
        soft: rows (N, classes) beside ids, or None.
        form: what the file or its format says of the rows.

    Raises:
        UserError: they are none, not one an image, or can be read in two ways.
    """
    if labels is not None and labels.ndim == 2 and labels.dtype.kind == "f" and soft is None:
        return _from_rows(labels, form, request, images)
    if labels is None:
        assert soft is not None, "neither labels nor soft labels"
        return _from_rows(soft, form, request, images)
    hard, readings = _ids(labels, images), {}
    if labels.dtype.kind == "f":
        readings["labels"] = ["ids", f"whole numbers stored as {labels.dtype}"]
    if soft is None:
        return Labels(hard, readings=readings)
    return Labels(hard, soft_rows(soft), request.soft_label_form or form, readings)


def _ids(labels: Array, images: int) -> Tensor:
    if labels.ndim != 1:
        raise UserError(f"labels: expected one an image, got shape {labels.shape}")
    if labels.dtype.kind not in "iuf" or (labels.dtype.kind == "f" and not (labels == np.rint(labels)).all()):
        raise UserError(f"labels: expected integers 0 .. classes - 1, got {labels.dtype}")
    if len(labels) != images:
        raise UserError(f"{images} images but {len(labels)} labels")
    return torch.from_numpy(labels.astype(np.int64))


def soft_rows(soft_labels: Array) -> Tensor:
    """Rows of floats as a tensor; doubles become singles."""
    if soft_labels.dtype.kind != "f":
        raise UserError(f"soft_labels: expected floats, got {soft_labels.dtype}")
    kept = soft_labels.dtype if soft_labels.dtype.itemsize <= 4 else np.dtype(np.float32)
    # .newbyteorder("="): torch takes no array of the other byte order
    return torch.from_numpy(np.ascontiguousarray(soft_labels.astype(kept.newbyteorder("="))))


def _from_rows(rows: Array, form: SoftLabelForm | None, request: Request, images: int) -> Labels:
    if rows.shape[:1] != (images,) or rows.ndim != 2 or rows.shape[1] == 0:
        raise UserError(f"{images} images but soft labels of shape {rows.shape}")
    soft = soft_rows(rows)
    if not bool(soft.isfinite().all()):
        raise UserError("soft labels: NaN or infinity")
    if _is_one_hot(soft):
        return Labels(soft.argmax(dim=1), readings={"labels": ["ids", "one-hot rows"]})
    known, why = (request.soft_label_form, request.because) if request.soft_label_form else form_of(soft, form)
    hard, how = _hard(soft)
    return Labels(hard, soft, known, {"labels": [known, why], "classes of images": how})


def _is_one_hot(rows: Tensor) -> bool:
    return bool(((rows == 0) | (rows == 1)).all()) and bool((rows.sum(dim=1) == 1).all())


def _hard(soft: Tensor) -> tuple[Tensor, list[str]]:
    """The class of every image: in equal blocks, as methods store them, where most soft labels agree; else argmax."""
    argmax = soft.float().argmax(dim=1)
    blocks = len(soft) // soft.shape[1]
    if blocks * soft.shape[1] == len(soft):
        in_blocks = torch.arange(soft.shape[1]).repeat_interleave(blocks)
        share = float((in_blocks == argmax).float().mean())
        if share >= CLASS_MAJOR:
            return in_blocks, ["class by class", f"the largest soft label is there for {share:.0%} of the images"]
    return argmax, ["the largest soft label", "images are not class by class"]


def in_target_order(labels: Labels, names: Sequence[str], target: Target) -> Labels:
    """Labels whose class k is `names[k]`, as the target counts them.

    Raises:
        UserError: the names are not those of the target.
    """
    if sorted(names) != sorted(target.classes):
        strangers = [name for name in names if name not in target.classes]
        what = (
            f"'{strangers[0]}' is no class"
            if strangers
            else f"{len(set(names))} names for {target.num_classes} classes"
        )
        raise UserError(f"classes: {what} of target '{target.name}': {', '.join(target.classes[:10])}")
    if int(labels.hard.max()) >= len(names) or int(labels.hard.min()) < 0:
        raise UserError(f"label {int(labels.hard.max())}: must be in 0 .. {len(names) - 1} for {len(names)} classes")
    place = torch.tensor([target.classes.index(name) for name in names])
    soft = None
    if labels.soft is not None:
        soft = torch.empty_like(labels.soft)
        soft[:, place] = labels.soft
    readings = {**labels.readings, "class order": ["reordered", "as told"]}
    return replace(labels, hard=place[labels.hard], soft=soft, readings=readings)
