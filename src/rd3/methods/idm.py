"""IDM: distribution matching of mosaics under networks that come and go and learn meanwhile.

Paper: Zhao, Li, Qin, Yu, Improved Distribution Matching for Dataset Condensation, CVPR 2023, arXiv 2307.09742.
Origin: https://github.com/uitrbn/IDM
Config: the released commands by target and IPC (the defaults of its parser are DM's).
Differences: the learned images are judged at the last iteration, not at the best one on the test split; no step that is
    counted beyond 20,000; networks are random, where there those for ImageNet at IPC 50 start from trained weights.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.learnable import Learnable
from rd3.matching.model_queue import QueueMatching, QueuePlan
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import Column, column, listed_ipc
from rd3.methods.matched import Studio, siamese_augmentation
from rd3.methods.matched_starts import MatchedMosaics
from rd3.training.augment.dsa_operations import UNORDERED

ROWS: dict[tuple[Column, int], dict[str, Any]] = {
    ("cifar10", 1): {"real_batch": 5000, "queue_every": 5},
    ("cifar10", 10): {},
    ("cifar10", 50): {"ce_weight": 0.1, "accuracy_over": 500},
    ("cifar100", 1): {"real_batch": 5000, "queue_every": 5},
    ("cifar100", 10): {"ce_weight": 0.1, "train_steps": 50},
    ("cifar100", 50): {"ce_weight": 0.1, "accuracy_over": 500},
    ("tiny", 1): {},
    ("tiny", 10): {"accuracy_over": 500},
    ("tiny", 50): {"ce_weight": 0.8, "train_steps": 50, "accuracy_over": 1000},
    ("imagenet", 1): {"queue_length": 50},
    ("imagenet", 10): {"queue_length": 50},
    ("imagenet", 50): {"factor": 1},
}
"""What the released commands change."""
IMAGENET = {"ce_weight": 3.0, "queue_every": 50, "real_batch": 128, "train_batch": 128, "accuracy_over": 20_000}
"""At every IPC; accuracies are never counted anew there."""


@METHODS.add("idm")
class IDM(MatchedMosaics):
    """Improved distribution matching. IPC counts stored images; a student sees factor² times as many.

    Attributes:
        iterations: in each every class has one image update under a network of the queue.
        image_lr: step size of SGD (momentum 0.5) on the normalised images.
        factor: tiles along a mosaic's side; 1 stores images as they are.
        ce_weight: of the class-aware regulariser, ce_weight · training accuracy in percent · cross-entropy.
        queue_start: networks at first.
        queue_every: iterations after which another one comes.
        queue_length: networks at most.
        train_steps: SGD steps on real images of each of two random networks after an iteration.
        train_batch: of those steps.
        accuracy_over: iterations after which training accuracies are counted anew.
    """

    title: ClassVar[str] = "IDM"
    paper: ClassVar[str] = "Improved Distribution Matching for Dataset Condensation, CVPR 2023, arXiv 2307.09742"
    tile_order: ClassVar[Literal["rows", "columns"]] = "columns"

    iterations: int = Field(default=20_000, ge=1)
    real_batch: int = Field(default=256, ge=1)
    image_lr: float = Field(default=0.2, gt=0)
    ce_weight: float = Field(default=0.5, ge=0)
    queue_start: int = Field(default=3, ge=0)
    queue_every: int = Field(default=30, ge=1)
    queue_length: int = Field(default=100, ge=1)
    train_steps: int = Field(default=10, ge=0)
    train_batch: int = Field(default=256, ge=1)
    accuracy_over: int = Field(default=100, ge=1)

    def unordered(self) -> str:
        return UNORDERED

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        place = column(target)
        row = ROWS[place, listed_ipc(ipc)]
        return IMAGENET | row if place == "imagenet" else row

    def algorithm(self, studio: Studio, learned: Learnable) -> QueueMatching:
        plan = QueuePlan(
            start=self.queue_start,
            every=self.queue_every,
            longest=self.queue_length,
            steps=self.train_steps,
            batch=self.train_batch,
            forget=self.accuracy_over,
        )
        scene = self.scene(studio, learned, siamese_augmentation(studio.task.target, "dsa"))
        return QueueMatching(scene, plan=plan, ce_weight=self.ce_weight)

    def learned_from(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return min(self.train_batch, len(target.train))

    @property
    def networks_held(self) -> int:
        longest = self.queue_start + -(-self.iterations // self.queue_every)
        return 2 * min(self.queue_length, longest)  # each with its momentum

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        match = target.num_classes * (ipc * self.factor**2 + -(-self.real_batch // 3))
        return self.iterations * (match + 2 * self.train_steps * self.train_batch)
