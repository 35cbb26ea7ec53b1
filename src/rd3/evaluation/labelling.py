"""Who labels a run's images as its settings say, and what those labels weigh."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import Images
from rd3.data.target import Target
from rd3.evaluation.pictures import student_normalisation
from rd3.evaluation.settings import Settings
from rd3.relabel.pool import TeacherPool, label_images
from rd3.relabel.storage import hard_label_bytes, static_label_bytes, stored_label_bytes
from rd3.squeeze.teacher import Teacher
from rd3.training.losses import centred


@dataclass(frozen=True)
class SoftLabelling:
    """Where a run's soft labels come from; neither under hard labels.

    Attributes:
        online: who labels every batch.
        static: one row of logits an image, float (N, classes); of targets under `mse-centred`.
        seconds: that it took to make the static ones.
    """

    online: TeacherPool | None = None
    static: Tensor | None = None
    seconds: float = 0.0


def pool_for(settings: Settings, teachers: Sequence[Teacher], target: Target) -> TeacherPool:
    """The teachers as a pool that labels as `settings` say.

    Raises:
        UserError: no teacher, one that knows other classes than the target, or another number of teachers than of
            weights.
    """
    student = student_normalisation(settings, target) if settings.teacher_normalisation == "student" else None
    return TeacherPool(
        teachers,
        target.classes,
        combine=settings.teacher_combine,
        weights=settings.teacher_weights,
        bn=settings.teacher_bn,
        sub_batch=settings.teacher_bn_sub_batch,
        student_normalisation=student,
        autocast=settings.teacher_autocast,
        precision=settings.label_precision,
    )


def soft_labelling(
    settings: Settings, images: Images, *, teachers: TeacherPool | None, own: Tensor | None
) -> SoftLabelling:
    """The soft labels that a run on `images` asks for.

    Args:
        images: as they are trained on, before whitening, on the device of the run; so are `teachers`.
        own: the images' own static logits (targets, under `mse-centred`), float (N, classes); they come before a
            teacher's.

    Raises:
        UserError: nobody is there to label.
    """
    if not settings.soft:
        return SoftLabelling()
    if settings.labels == "static" and own is not None:
        assert len(own) == len(images), f"{len(own)} soft labels for {len(images)} images"
        own = own.to(images.labels.device).float()
        return SoftLabelling(static=own.half().float() if settings.label_precision == "float16" else own)
    if teachers is None:
        missing = (
            "no teacher is given" if settings.labels == "online" else "the images have none, and no teacher either"
        )
        raise UserError(f"labels = {settings.labels}: {missing}")
    if settings.labels == "online":
        return SoftLabelling(online=teachers)
    start = time.perf_counter()
    static = label_images(teachers, images, batch_size=settings.batch_size)
    if settings.loss == "mse-centred":
        static = centred(static.softmax(dim=1))
    return SoftLabelling(static=static, seconds=time.perf_counter() - start)


def label_bytes(settings: Settings, images: int, classes: int, *, stored: int | None = None, own: bool = False) -> int:
    """Bytes of the labels that a run on that many images uses, as a label store would hold them.

    Args:
        stored: of how many stored images they are parts, which share a hard label; None where each is stored itself.
        own: whether static labels came with the stored images, and are shared likewise.

    Static labels are fp16 logits in the order of the images. Online labels are those of every view that is labelled
    (of the kept batches with `label_epochs`); a hard phase needs hard labels besides.
    """
    stored = images if stored is None else stored
    hard = hard_label_bytes(stored, classes)
    if not settings.soft:
        return hard
    if settings.labels == "static":
        soft = static_label_bytes(stored if own else images, classes)
    else:
        soft = stored_label_bytes(_labelled_views(settings, images), classes)
    return soft + hard if settings.hard_phase is not None else soft


def _labelled_views(settings: Settings, images: int) -> int:
    recipe = settings.recipe()
    kept = recipe.kept_batches(images)
    if kept is None:
        views = images * recipe.soft_epochs
    else:
        epochs, rest = divmod(kept, recipe.batches(images))
        batch = recipe.full_batch(images)
        whole = recipe.batches(images) * batch if recipe.drop_last else images
        views = epochs * whole + rest * batch
    alone = settings.teacher_bn == "eval" and settings.teacher_combine == "mean"  # a label of its image alone
    always_the_same = alone and not settings.augment and not settings.mix
    return min(images, views) if always_the_same else views
