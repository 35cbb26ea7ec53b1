"""Random: real images, drawn without replacement; the baseline that stands beside every method.

Paper: none. The fixed point of comparison of RD3 (arXiv 2509.19743) and DD-Ranking (arXiv 2505.13300).
Config: nothing to set. Every replicate of an evaluation takes a draw of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch

from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Method, Task
from rd3.models.footprint import bound
from rd3.recover.looking import image_bytes


@METHODS.add("random")
class Random(Method):
    """Random real images of every class. The images of a smaller IPC are among those of a larger with the same seed."""

    title: ClassVar[str] = "Random"
    paper: ClassVar[str] = "baseline"
    needs_teacher: ClassVar[bool] = False
    aids: ClassVar[tuple[str, ...]] = ("real images",)
    fresh_draws: ClassVar[bool] = True

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:  # noqa: ARG002
        return bound(2 * image_bytes(target, ipc) + 24 * len(target.train), device)

    def distill(self, task: Task) -> Distilled:
        train = task.target.train
        chosen = random_subset(task.target, task.ipc, task.seed).to(train.labels.device)
        task.progress(1.0)
        return Distilled(train.batch(chosen), train.labels[chosen])
