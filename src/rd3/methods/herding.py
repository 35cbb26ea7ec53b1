"""Herding: real images whose mean embedding follows the class mean.

Paper: Welling, Herding Dynamical Weights to Learn, ICML 2009; as a coreset in iCaRL (Rebuffi et al., arXiv 1611.07725).
Config: nothing to set. The embedding is what enters the teacher's last linear layer.
Trap: DeepCore's selection takes the *farthest* image in every step; here, as in the papers, it is the nearest.
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


@METHODS.add("herding")
class Herding(Method):
    """Greedy herding without replacement; image k of a class is its k-th pick. Nothing is random."""

    title: ClassVar[str] = "Herding"
    paper: ClassVar[str] = "Welling, ICML 2009"
    aids: ClassVar[tuple[str, ...]] = ("teacher", "real images")

    def distill(self, task: Task) -> Distilled:
        require_enough(task.target, task.ipc)
        assert task.teacher is not None
        rows = picked(task.target, task.teacher, task.ipc, task.device, pick=herd, progress=task.progress)
        train = task.target.train
        return Distilled(train.batch(rows), train.labels[rows], info={"teacher_forwards": len(train)})

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        return bound(picking_bytes(target, ipc, teachers[0], device), device)

    def cost(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return len(target.train) // 3  # forward only


def herd(features: Tensor, count: int) -> Tensor:
    """Greedy herding: pick i (from 1) minimises ‖i·μ − Σ picked − h‖ over what is not picked yet.

    Args:
        features: (N, D), N >= count.
        count: of picks.

    Returns:
        Their positions in order, int64 (count,).
    """
    features = features.double()
    mean, squares = features.mean(0), features.square().sum(1)
    missing = mean.clone()  # i·μ − Σ picked
    picks = []
    for _ in range(count):
        pick = (squares - 2 * features @ missing).argmin()
        picks.append(pick)
        squares = squares.index_fill(0, pick, torch.inf)
        missing = missing + mean - features[pick]
    return torch.stack(picks)
