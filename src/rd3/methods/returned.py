"""What a method that lives elsewhere gave back, checked against what it was asked for."""

from __future__ import annotations

import math
from typing import Any, SupportsIndex

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import PIXEL_TYPES
from rd3.methods.base import Distilled, Method, Task

BRIGHTEST = 16.0  # floats above it are taken for bytes; raw ones leave [0, 1] by little


def require_distilled(made: Any, task: Task, method: Method, *, name: str) -> None:
    """Refuse what is not `task.ipc` images per class of the target's shape, class by class.

    Args:
        name: what a message calls the method.

    Raises:
        UserError: one line that names what was returned and what was expected.
    """
    problem = (
        f"returned {type(made).__name__}, not rd3.methods.base.Distilled"
        if not isinstance(made, Distilled)
        else _images(made.images, task) or _labels(made.labels, task) or _soft_labels(made.soft_labels, task, method)
    )
    if problem is not None:
        raise UserError(f"{name}: {problem}")


def require_bytes(stated: Any, *, name: str) -> int:
    """What `memory` returned.

    Raises:
        UserError: it is not a number of bytes.
    """
    if not isinstance(stated, (SupportsIndex, float)) or not 0 <= float(stated) < math.inf:
        raise UserError(f"{name}: memory returned {stated!r}; expected a number of bytes")
    return int(stated)


def _images(images: Any, task: Task) -> str | None:
    expected = (task.ipc * task.target.num_classes, *task.target.train.shape)
    if not isinstance(images, Tensor) or images.dtype not in PIXEL_TYPES or tuple(images.shape) != expected:
        return f"images are {_seen(images)}; expected torch.uint8 or torch.float32 of shape {expected}"
    if not bool(images.isfinite().all()):
        return "images hold NaN or infinite values"
    if images.requires_grad:
        return "images still carry a gradient; expected images.detach()"
    if images.dtype == torch.float32 and float(images.max()) > BRIGHTEST:
        return f"images are torch.float32 up to {float(images.max()):.4g}; expected 0 for black and 1 for white"
    return None


def _labels(labels: Any, task: Task) -> str | None:
    expected = task.labels.cpu()
    if not isinstance(labels, Tensor) or labels.dtype != torch.int64 or labels.shape != expected.shape:
        return f"labels are {_seen(labels)}; expected torch.int64 of shape {tuple(expected.shape)}"
    if not torch.equal(labels.cpu(), expected):
        last = task.target.num_classes - 1
        return f"labels are not class by class, 0 to {last}, {task.ipc} of each; expected those of task.labels"
    return None


def _soft_labels(soft_labels: Any, task: Task, method: Method) -> str | None:
    if soft_labels is None:
        return None
    if not method.soft_labels:
        return "returned soft labels; expected soft_labels = True in its class"
    expected = (task.ipc * task.target.num_classes, task.target.num_classes)
    if not isinstance(soft_labels, Tensor) or not soft_labels.is_floating_point() or soft_labels.shape != expected:
        return f"soft labels are {_seen(soft_labels)}; expected floats of shape {expected}"
    return None if bool(soft_labels.isfinite().all()) else "soft labels hold NaN or infinite values"


def _seen(value: Any) -> str:
    return f"{value.dtype} of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
