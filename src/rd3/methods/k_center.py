"""K-Center: real images such that none of their class is far from all of them.

Paper: Sener, Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018,
    arXiv 1708.00489; the greedy form, which is within a factor of two of the best.
Config: nothing to set. The embedding is what enters the teacher's last linear layer.
Differences: class by class; the first image is the one nearest to the class mean (the paper starts from a labelled
    set), so nothing is random.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Method, Task, require_enough
from rd3.models.footprint import bound
from rd3.recover.greedy import picked, picking_bytes


@METHODS.add("k-center")
class KCenter(Method):
    """Farthest-first traversal; image k of a class is its k-th pick."""

    title: ClassVar[str] = "K-Center"
    paper: ClassVar[str] = "arXiv 1708.00489"
    aids: ClassVar[tuple[str, ...]] = ("teacher", "real images")

    def distill(self, task: Task) -> Distilled:
        require_enough(task.target, task.ipc)
        assert task.teacher is not None
        rows = picked(task.target, task.teacher, task.ipc, task.device, pick=farthest_first, progress=task.progress)
        train = task.target.train
        return Distilled(train.batch(rows), train.labels[rows], info={"teacher_forwards": len(train)})

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        return bound(picking_bytes(target, ipc, teachers[0], device), device)

    def cost(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return len(target.train) // 3  # forward only


def farthest_first(features: Tensor, count: int) -> Tensor:
    """The point nearest to the mean, then again and again the one farthest from all before.

    Args:
        features: (N, D), N >= count.

    Returns:
        Positions in the order of picking, int64 (count,).
    """
    features = features.double()
    picks = [(features - features.mean(0)).square().sum(1).argmin()]
    nearest = torch.full((len(features),), torch.inf, dtype=torch.float64, device=features.device)
    for _ in range(count - 1):
        nearest = nearest.minimum((features - features[picks[-1]]).square().sum(1))
        nearest = nearest.index_fill(0, picks[-1], -1.0)  # never again, even where all others are its equals
        picks.append(nearest.argmax())
    return torch.stack(picks)
