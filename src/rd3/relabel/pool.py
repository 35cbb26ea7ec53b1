"""Labels from teachers for every augmented batch (label mode `online`)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.squeeze.teacher import Teacher


class TeacherPool:
    """Mean of the teachers' logits on pictures in [0, 1]; every teacher normalises for itself.

    Attributes:
        forwards: pictures that went through a teacher so far.
    """

    def __init__(self, teachers: Sequence[Teacher], classes: tuple[str, ...]) -> None:
        if not teachers:
            raise UserError("labels = online: no teacher given")
        for teacher in teachers:
            if teacher.classes != classes:
                raise UserError(_class_mismatch(teacher, classes))
        self._teachers = tuple(teachers)
        self.forwards = 0

    def to(self, device: torch.device) -> TeacherPool:
        for teacher in self._teachers:
            teacher.to(device)
        return self

    def __call__(self, pictures: Tensor, indices: Tensor) -> Tensor:  # noqa: ARG002
        """Logits (B, classes) for a batch; the ids are for label stores and not needed here."""
        self.forwards += len(pictures) * len(self._teachers)
        logits = self._teachers[0].logits(pictures)
        for teacher in self._teachers[1:]:
            logits = logits + teacher.logits(pictures)
        return logits / len(self._teachers) if len(self._teachers) > 1 else logits


def _class_mismatch(teacher: Teacher, classes: tuple[str, ...]) -> str:
    if len(teacher.classes) != len(classes):
        return f"teacher {teacher.name} knows {len(teacher.classes)} classes, the target has {len(classes)}"
    if sorted(teacher.classes) != sorted(classes):
        strange = sorted(set(teacher.classes) - set(classes))[0]
        return f"teacher {teacher.name} was trained on other classes, for instance '{strange}'"
    first = next(k for k, (mine, theirs) in enumerate(zip(classes, teacher.classes, strict=True)) if mine != theirs)
    return (
        f"teacher {teacher.name} has its classes in another order: its output {first} is"
        f" '{teacher.classes[first]}', class {first} of the target is '{classes[first]}'"
    )
