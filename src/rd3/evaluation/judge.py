"""The judge: (images, protocol, student, seed) -> accuracy on the real test split.

It knows no method. The number is the last epoch's; the best over epochs is kept as `peeked` and never ranked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from rd3.base.seeds import derive_seed
from rd3.data.images import Images
from rd3.data.target import Target
from rd3.evaluation.settings import IMAGENET_MEAN, IMAGENET_STD, Settings
from rd3.models import create_model
from rd3.relabel.pool import TeacherPool
from rd3.relabel.storage import hard_label_bytes, stored_label_bytes
from rd3.training.accuracy import correctness
from rd3.training.device import peak_memory, reset_peak_memory
from rd3.training.loop import Normalisation, fit


@dataclass(frozen=True)
class RunResult:
    """What one run gives.

    Attributes:
        accuracy: test accuracy after the last epoch, a fraction.
        peeked: the best over the reported epochs; a maximum over the test split, for audit only.
        curve: (epochs done, test accuracy) at the reported epochs.
        correct: per test image, bit-packed, most significant bit first, in hex.
        relabel_seconds, train_seconds, report_seconds: where the time went; labels are inside `train` on a GPU.
        teacher_forwards: pictures that went through a teacher.
        label_bytes: of the labels used; online labels count as if stored.
        peak_memory: bytes; of the device on a GPU, of the process on a CPU.
    """

    accuracy: float
    peeked: float
    curve: tuple[tuple[int, float], ...]
    correct: str
    relabel_seconds: float
    train_seconds: float
    report_seconds: float
    teacher_forwards: int
    label_bytes: int
    peak_memory: int


def judge(
    images: Images,
    *,
    target: Target,
    settings: Settings,
    student: str,
    seed: int,
    teachers: TeacherPool | None = None,
    device: torch.device | None = None,
) -> RunResult:
    """Train a fresh `student` on `images` as `settings` say, and test it on the target.

    Args:
        images: uint8 pictures of the target's shape with hard labels.
        seed: of the student's initialisation and training.
        teachers: who labels, when the settings say `online`.
    """
    device = device or torch.device("cpu")
    reset_peak_memory(device)
    assert settings.soft == (teachers is not None), "teachers are given exactly when labels are soft"
    model = create_model(
        student,
        classes=len(target.classes),
        size=target.size,
        channels=target.channels,
        seed=derive_seed("student init", seed),
    ).to(device)
    normalisation = student_normalisation(settings, target)
    test = target.test.to(device)
    reported = settings.reported_epochs()
    curve: list[tuple[int, float]] = []
    correct = torch.zeros(0)

    def report(epoch: int, network: nn.Module) -> None:
        nonlocal correct
        if epoch in reported:
            correct = correctness(network, test, normalisation=normalisation, resize=settings.validation_resize)
            curve.append((epoch + 1, int(correct.sum()) / len(test)))

    clock = fit(
        model,
        images.to(device),
        settings.recipe(),
        normalisation=normalisation,
        seed=derive_seed("student run", seed),
        soft_labels=teachers.to(device) if teachers else None,
        on_epoch=report,
    )
    return RunResult(
        accuracy=curve[-1][1],
        peeked=max(accuracy for _, accuracy in curve),
        curve=tuple(curve),
        correct=_packed(correct),
        relabel_seconds=clock.labels,
        train_seconds=clock.total - clock.labels - clock.reports,
        report_seconds=clock.reports,
        teacher_forwards=teachers.forwards if teachers else 0,
        label_bytes=label_bytes(settings, len(images), len(target.classes)),
        peak_memory=peak_memory(device),
    )


def student_normalisation(settings: Settings, target: Target) -> Normalisation:
    """What the student's input is normalised with; the teacher has its own."""
    if settings.normalisation == "imagenet":
        return Normalisation(IMAGENET_MEAN, IMAGENET_STD)
    return Normalisation(target.mean, target.std)


def label_bytes(settings: Settings, images: int, classes: int) -> int:
    """Bytes of the labels that a run on that many images uses."""
    if settings.soft:
        views = settings.epochs if settings.augment or settings.mix else 1  # without augmentation, always the same
        return stored_label_bytes(images * views, classes)
    return hard_label_bytes(images, classes)


def _packed(correct: Tensor) -> str:
    return np.packbits(correct.cpu().numpy().astype(bool)).tobytes().hex()
