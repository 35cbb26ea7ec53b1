"""Real images picked class by class from their embeddings, as coreset methods do."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rd3.data.subset import class_indices
from rd3.data.target import Target
from rd3.recover.embedding import embeddings
from rd3.recover.looking import image_bytes, looking_bytes
from rd3.recover.teachers import private_teacher
from rd3.squeeze.teacher import Teacher

Pick = Callable[[Tensor, int], Tensor]  # (features (N, D), count) -> positions, int64 (count,), in the order of picking


def picked(
    target: Target, teacher: Teacher, ipc: int, device: torch.device, *, pick: Pick, progress: Callable[[float], None]
) -> Tensor:
    """Rows of the training split, int64 (classes * ipc,), class by class: `pick` decides on each class's embeddings."""
    train, network = target.train, private_teacher(teacher, device)
    chosen = []
    for label, indices in enumerate(class_indices(train.labels, target.num_classes)):
        features = embeddings(train, indices, network, device)
        chosen.append(indices[pick(features, ipc).to(indices.device)])
        progress((label + 1) / target.num_classes)
    return torch.cat(chosen)


def picking_bytes(target: Target, ipc: int, name: str, device: torch.device) -> int:
    """Bytes of tensors at the peak of `picked` under a teacher of an architecture.

    Embeddings are there in parts and together, and a pick has them and a difference or product in float64.
    """
    embedded = looking_bytes(target, name, device, embedding_copies=8)
    return embedded + 2 * image_bytes(target, ipc) + 24 * len(target.train)
