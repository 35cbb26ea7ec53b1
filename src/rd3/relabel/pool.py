"""Labels from teachers: for every augmented batch (label mode `online`), or once for every image (`static`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.data.images import Images, as_unit
from rd3.relabel.combine import combined
from rd3.squeeze.teacher import Teacher
from rd3.training.loop import Normalisation

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


class TeacherPool:
    """Logits of one teacher or several on pictures in [0, 1].

    Attributes:
        forwards: pictures that went through a teacher so far, but for those of replayed steps.
    """

    def __init__(
        self,
        teachers: Sequence[Teacher],
        classes: tuple[str, ...],
        *,
        combine: Literal["mean", "norm-mean"] = "mean",
        weights: Sequence[float] | None = None,
        bn: Literal["eval", "train"] = "eval",
        sub_batch: int | None = None,
        student_normalisation: Normalisation | None = None,
        autocast: Literal["float16", "bfloat16"] | None = None,
        precision: Literal["float32", "float16"] = "float32",
    ) -> None:
        """A pool for a target's classes.

        Args:
            combine: the weighted mean of the logits, or first rescale every teacher's logit matrix to the mean of
                their Frobenius norms (G-VBSM, arXiv 2311.17950).
            weights: one a teacher, normalised to the sum 1; None is equal ones.
            bn: whether BatchNorm uses its stored statistics, or those of what is labelled (`train`); the stored ones
                stay as they are, and dropout stays off.
            sub_batch: with `train`, batches are labelled in parts of this size, in order.
            student_normalisation: what all teachers' input is normalised with in place of their own normalisation.
            autocast: precision of the forward pass; combining is done in float32.
            precision: what the combined logits are rounded to, as a label store does.

        Raises:
            UserError: no teacher, one that knows other classes, or another number of weights.
        """
        if not teachers:
            raise UserError("soft labels: no teacher given")
        for teacher in teachers:
            if teacher.classes != classes:
                raise UserError(_class_mismatch(teacher, classes))
        if weights is not None and len(weights) != len(teachers):
            raise UserError(f"teacher_weights = {list(weights)}: {len(teachers)} teachers need as many weights")
        if weights is not None and not (min(weights) >= 0 and sum(weights) > 0):
            raise UserError(f"teacher_weights = {list(weights)}: allowed is 0 or more each, and more than 0 in all")
        self._teachers = tuple(teachers)
        self._classes = len(classes)
        self._combine = combine
        self._weights = None if weights is None else [weight / sum(weights) for weight in weights]
        self._train_bn = bn == "train"
        self._sub_batch = sub_batch if bn == "train" else None
        self._normalisations = [student_normalisation or Normalisation(t.mean, t.std) for t in teachers]
        self._autocast = autocast
        self._precision = PRECISIONS[precision]
        self.forwards = 0

    def __len__(self) -> int:
        return len(self._teachers)

    def to(self, device: torch.device) -> TeacherPool:
        for teacher in self._teachers:
            teacher.to(device)
        return self

    def __call__(self, pictures: Tensor, indices: Tensor) -> Tensor:  # noqa: ARG002
        """Logits (B, classes) in float32 for a batch; the ids are for label stores and not needed here."""
        self.forwards += len(pictures) * len(self._teachers)
        parts = pictures.split(self._sub_batch or len(pictures))
        with self._modes(pictures.device):
            labelled = [self._label(part) for part in parts]
        logits = labelled[0] if len(labelled) == 1 else torch.cat(labelled)
        return logits if self._precision == torch.float32 else logits.to(self._precision).float()

    def _label(self, pictures: Tensor) -> Tensor:
        each = [
            teacher.model(normalise(pictures)).float()
            for teacher, normalise in zip(self._teachers, self._normalisations, strict=True)
        ]
        return combined(each, how=self._combine, weights=self._weights)

    @contextmanager
    def _modes(self, device: torch.device) -> Iterator[None]:
        with ExitStack() as stack:
            if self._autocast is not None:
                stack.enter_context(torch.autocast(device.type, PRECISIONS[self._autocast]))
            if self._train_bn:
                stack.enter_context(batch_statistics(teacher.model for teacher in self._teachers))
            yield


@contextmanager
def batch_statistics(models: Iterator[nn.Module]) -> Iterator[None]:
    """BatchNorm layers of frozen networks use the batch's statistics, and leave their own alone, inside this block."""
    layers = [
        layer for model in models for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)
    ]
    before = [(layer.training, layer.track_running_stats) for layer in layers]
    try:
        for layer in layers:
            layer.training, layer.track_running_stats = True, False
        yield
    finally:
        for layer, (training, tracked) in zip(layers, before, strict=True):
            layer.training, layer.track_running_stats = training, tracked


@torch.no_grad()
def label_images(pool: TeacherPool, images: Images, *, batch_size: int) -> Tensor:
    """One label an image, without augmentation: float logits (N, classes), labelled in order, batch by batch.

    The batch size decides nothing but for teachers that use batch statistics or are combined by norm.
    """
    ids = torch.arange(len(images), device=images.labels.device)
    return torch.cat([pool(as_unit(images.batch(part)), part) for part in ids.split(batch_size)])


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
