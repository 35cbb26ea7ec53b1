"""The judge: (images, protocol, student, seed) -> accuracy on the real test split.

It knows no method. The number is the last epoch's, and the learning rate is given or chosen on real training images;
the best over epochs is kept as `peeked` and never ranked. Protocols that choose on the test split, for comparison with
published numbers, are marked as such before they get here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rd3.data.images import Images
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.evaluation.held_out import held_out
from rd3.evaluation.jpeg import as_jpeg
from rd3.evaluation.labelling import label_bytes, soft_labelling
from rd3.evaluation.mosaics import expanded
from rd3.evaluation.pictures import prepared
from rd3.evaluation.settings import Settings
from rd3.evaluation.trial import train_and_test
from rd3.relabel.pool import TeacherPool
from rd3.training.device import peak_memory, reset_peak_memory
from rd3.training.execution import PLAIN, Execution, execution_on


@dataclass(frozen=True)
class RunResult:
    """What one run gives.

    Attributes:
        accuracy: test accuracy after the last epoch, a fraction; the best over the epochs that a protocol with another
            `report` looks at.
        peeked: the best over the reported epochs; a maximum over the test split, for audit only.
        curve: (epochs done, test accuracy) at the reported epochs.
        correct: per test image, bit-packed, most significant bit first, in hex.
        relabel_seconds, train_seconds, report_seconds: where the time went, over all rates that were tried; labels are
            inside `train` on a GPU.
        teacher_forwards: pictures that went through a teacher.
        label_bytes: of the labels used; online labels count as if stored.
        peak_memory: bytes; of the device on a GPU, of the process on a CPU.
        lr: the student's learning rate.
        rates: where one was searched, every rate and the accuracy that it was chosen by: on real images held out from
            training, or on the test split under `selection: test-peek`.
        execution: how it was trained and tested.
        not_captured: why its steps were not captured although they should have been, or None.
        diverged: whether the student ended with values that are NaN or infinite.
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
    lr: float
    rates: dict[float, float]
    execution: Execution = PLAIN
    not_captured: str | None = None
    diverged: bool = False


def judge(
    images: Images,
    *,
    target: Target,
    settings: Settings,
    student: str,
    seed: int,
    teachers: TeacherPool | None = None,
    soft_labels: Tensor | None = None,
    decode: Decode | None = None,
    device: torch.device | None = None,
    execution: Execution | None = None,
) -> RunResult:
    """Train a fresh `student` on `images` as `settings` say, and test it on the target.

    Args:
        images: pictures of the target's shape, uint8 or raw float32, with hard labels.
        seed: of the student's initialisation and training.
        teachers: who labels under online labels, and under static ones where the images have none of their own.
        soft_labels: the images' own static logits, float (N, classes).
        decode: how each image, a mosaic, becomes several with its labels; they went through JPEG as they are stored.
        execution: precision, and whether steps are captured; what was asked for or suits the device by default.

    Raises:
        UserError: nobody is there to label, or no training image is left to choose a learning rate on.
    """
    device = device or torch.device("cpu")
    execution = execution or execution_on(device)
    reset_peak_memory(device)
    held = held_out(target, images) if settings.lr_search and settings.selection == "held-out" else None
    if settings.jpeg_quality is not None:
        images = as_jpeg(images, settings.jpeg_quality)
    stored = len(images)
    if decode is not None:
        images, soft_labels = expanded(images, soft_labels, decode)
    images = images.to(device)
    teachers = teachers.to(device) if teachers else None
    before = teachers.forwards if teachers else 0
    labels = soft_labelling(settings, images, teachers=teachers, own=soft_labels)
    labelled_once = teachers.forwards - before if teachers else 0
    pictures = prepared(images, held_out=held, settings=settings, target=target, device=device)
    trials = [
        train_and_test(
            pictures, labels, target=target, settings=at_rate, student=student, seed=seed, execution=execution
        )
        for at_rate in _at_each_rate(settings)
    ]
    best = max(trials, key=lambda trial: (trial.chosen_by, -trial.lr))
    return RunResult(
        accuracy=best.accuracy,
        peeked=max(accuracy for _, accuracy in best.curve),
        curve=tuple(best.curve),
        correct=_packed(best.correct),
        relabel_seconds=labels.seconds + sum(trial.clock.labels for trial in trials),
        train_seconds=sum(trial.clock.total - trial.clock.labels - trial.clock.reports for trial in trials),
        report_seconds=sum(trial.clock.reports for trial in trials),
        teacher_forwards=labelled_once + sum(trial.clock.labelled for trial in trials) * len(teachers or ()),
        label_bytes=label_bytes(settings, len(images), len(target.classes), stored=stored, own=soft_labels is not None),
        peak_memory=peak_memory(device),
        lr=best.lr,
        rates={trial.lr: trial.chosen_by for trial in trials} if settings.lr_search else {},
        execution=execution,
        not_captured=best.clock.not_captured,
        diverged=best.diverged,
    )


def _at_each_rate(settings: Settings) -> list[Settings]:
    rates = sorted(set(settings.lr_search or (settings.lr,)))
    return [settings.model_copy(update={"lr": rate}) for rate in rates]


def _packed(correct: Tensor) -> str:
    return np.packbits(correct.cpu().numpy().astype(bool)).tobytes().hex()
