"""Class by class: where the images of each class are, and random balanced subsets."""

from __future__ import annotations

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.target import Target


def class_indices(labels: Tensor, classes: int) -> list[Tensor]:
    """For every class the positions of its labels, ascending.

    Args:
        labels: integers, shape (N,).
        classes: number of classes; classes without a label get an empty tensor.

    >>> class_indices(torch.tensor([1, 0, 1]), 2)
    [tensor([1]), tensor([0, 2])]
    """
    order = labels.argsort(stable=True)
    return list(torch.split(order, torch.bincount(labels, minlength=classes).tolist()))


def random_subset(target: Target, ipc: int, seed: int) -> Tensor:
    """Random training images, `ipc` of every class, drawn without replacement.

    The subset of a smaller `ipc` is part of that of a larger one with the same seed.

    Returns:
        int64 indices into `target.train` on the CPU, shape (classes * ipc,), class by class in label order.

    Raises:
        UserError: `ipc` is below 1, or a class has fewer training images; names it.
    """
    if ipc < 1:
        raise UserError(f"ipc = {ipc}: expected at least 1 image per class")
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for name, own in zip(target.classes, class_indices(target.train.labels.cpu(), target.num_classes), strict=True):
        if len(own) < ipc:
            raise UserError(f"ipc = {ipc}: class '{name}' has only {len(own)} training images")
        chosen.append(own[torch.randperm(len(own), generator=generator)[:ipc]])
    return torch.cat(chosen)
