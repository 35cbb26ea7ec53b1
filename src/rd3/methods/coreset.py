"""What coresets share: real images of every class, ranked by how hard they are for a network."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from rd3.data.subset import class_indices
from rd3.data.target import Target
from rd3.methods.base import Distilled, Method, Task, require_enough
from rd3.models.footprint import bound
from rd3.recover.looking import image_bytes, looking_bytes
from rd3.recover.teachers import private_teacher
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.walk import walk

RANK_BYTES = 64  # of an image's score, rank and label


class Ranked(Method):
    """The images of every class that are ranked first; image k of a class is the k-th.

    Attributes:
        order: the hardest images first, as the papers have it, or the easiest, which small sets do better with.
    """

    aids: ClassVar[tuple[str, ...]] = ("teacher", "real images")

    order: Literal["hardest", "easiest"] = "hardest"

    @abstractmethod
    def difficulty(self, task: Task) -> Tensor:
        """How hard every training image is, float64 (N,)."""

    def distill(self, task: Task) -> Distilled:
        require_enough(task.target, task.ipc)
        train, classes = task.target.train, task.target.num_classes
        difficulty = self.difficulty(task).to(train.labels.device)
        ranked = difficulty.argsort(descending=self.order == "hardest", stable=True)
        rows = torch.cat([ranked[own[: task.ipc]] for own in class_indices(train.labels[ranked], classes)])
        task.progress(1.0)
        return Distilled(train.batch(rows), train.labels[rows], info=self.info(task.target))

    def info(self, target: Target) -> dict[str, Any]:
        """What is worth keeping about the work."""
        return {"teacher_forwards": len(target.train)}

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        ranks = RANK_BYTES * len(target.train) + 2 * image_bytes(target, ipc)
        return bound(self.looking_bytes(target, teachers[0], device) + ranks, device)

    def looking_bytes(self, target: Target, name: str, device: torch.device) -> int:
        """Bytes of tensors at the peak while the difficulty is found with a network of an architecture."""
        return looking_bytes(target, name, device)


class ScoredByTeacher(Ranked):
    """Ranked by a score under the teacher, in one pass and with no training of its own. Nothing is random."""

    @staticmethod
    @abstractmethod
    def score(logits: Tensor) -> Tensor:
        """How hard images are, (b,), by their logits (b, classes) in float64."""

    @torch.no_grad()
    def difficulty(self, task: Task) -> Tensor:
        assert task.teacher is not None
        teacher = private_teacher(task.teacher, task.device)
        batches = walk(task.target.train, teacher, task.device)
        return torch.cat([self.score(logits_of(images, teacher)) for images, _ in batches])

    def cost(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return len(target.train) // 3  # forward only


def logits_of(images: Tensor, network: Teacher) -> Tensor:
    """Logits of normalised images, float64 (b, classes)."""
    logits: Tensor = network.model(images)
    return logits.double()
