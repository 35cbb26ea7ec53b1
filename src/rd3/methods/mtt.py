"""MTT: training on the learned images leads along the trajectories of networks that are trained on real ones.

Paper: Cazenavette, Wang, Torralba, Efros, Zhu, Dataset Distillation by Matching Training Trajectories, CVPR 2022, arXiv
    2203.11932.
Origin: https://github.com/GeorgeCazenavette/mtt-distillation
Config: the released commands by target and IPC, with ZCA where they have it; images above 64 px have Tiny-ImageNet's
    (inferred).
Differences: the learned images are judged at the last iteration, not at the best one on the test split; no iteration
    that is counted beyond 5,000; BatchNorm, which the paper's networks do not have, sees batches.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.learned_set import LearnedSet
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import Column, column, listed_ipc
from rd3.methods.trajectory import Trajectory, Workshop

ROWS: dict[tuple[Column, int], dict[str, Any]] = {
    ("cifar10", 1): {"steps": 50, "latest_start": 2, "image_lr": 100.0, "rate_lr": 1e-7, "zca": True},
    ("cifar10", 10): {"steps": 30, "latest_start": 20, "image_lr": 100.0, "student_lr": 1e-3, "zca": True},
    ("cifar10", 50): {"steps": 30, "latest_start": 40, "student_lr": 1e-3},
    ("cifar100", 1): {"steps": 20, "target_epochs": 3, "latest_start": 20, "zca": True},
    ("cifar100", 10): {"steps": 20, "latest_start": 20},
    ("cifar100", 50): {"steps": 80, "latest_start": 40, "batch": 125, "zca": True},
    ("tiny", 1): {"steps": 10, "latest_start": 10, "image_lr": 1e4, "rate_lr": 1e-4},
    ("tiny", 10): {"steps": 20, "latest_start": 40, "image_lr": 1e4, "rate_lr": 1e-4, "batch": 200},
    ("tiny", 50): {"steps": 20, "latest_start": 40, "image_lr": 1e4, "rate_lr": 1e-4, "batch": 300},
}
"""What the released commands change."""


@METHODS.add("mtt")
class MTT(Trajectory):
    """Trajectory matching on hard labels; the fields are those of `Trajectory`."""

    title: ClassVar[str] = "MTT"
    paper: ClassVar[str] = "Dataset Distillation by Matching Training Trajectories, CVPR 2022, arXiv 2203.11932"

    iterations: int = Field(default=5000, ge=1)
    steps: int = Field(default=20, ge=1)
    latest_start: int = Field(default=20, ge=1)
    image_lr: float = Field(default=1000.0, gt=0)
    rate_lr: float = Field(default=1e-5, gt=0)

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        place = column(target)
        return ROWS["tiny" if place == "imagenet" else place, listed_ipc(ipc)]

    def start(self, workshop: Workshop) -> LearnedSet:
        """Random real images."""
        task = workshop.task
        images = workshop.real.random(task.target.num_classes, task.ipc, workshop.generator)
        return LearnedSet(images, task.labels, rate=self.student_lr, rates=self.rates)
