"""What both sides train on: a part of a target, a teacher, and RDED's images as pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from benchmarks.core.parts import train_teacher, write_part
from benchmarks.rded.layout import Names, names_of, released_names, write_pictures, write_tests

import rd3
from rd3.base.errors import UserError
from rd3.evaluation.settings import IMAGENET_MEAN, IMAGENET_STD
from rd3.study.store import Store

STEPS = 10  # of an epoch of the teacher, where images are few but 160 or more: BatchNorm's statistics need some


@dataclass(frozen=True)
class Size:
    """How large the task is.

    Attributes:
        train_per_class: images that crops are chosen from and the teacher is trained on; 300 in the paper.
        test_per_class: images that accuracies are measured on.
        teacher_epochs: of the teacher.
        epochs: of the student; 300 in the paper.
    """

    train_per_class: int
    test_per_class: int
    teacher_epochs: int
    epochs: int


@dataclass(frozen=True)
class Task:
    """The files.

    Attributes:
        npz: the part of the target.
        weights, released_weights: the teacher's, with rd3's and with RDED's parameter names.
        tests: the test images as pictures.
        images: folder of the synthetic set, by images a class.
    """

    names: Names
    student: str
    size: Size
    npz: Path
    weights: Path
    released_weights: Path
    tests: Path
    images: dict[int, Path]
    teacher_accuracy: float


def make_task(
    target: rd3.Target, student: str, ipcs: tuple[int, ...], size: Size, work: Path, device: torch.device
) -> Task:
    """Make everything in the empty folder `work`.

    Raises:
        UserError: RDED's code cannot do the target or the student.
    """
    names = names_of(student, target.size)
    if target.num_classes != 10 or target.channels != 3:
        raise UserError(f"--target {target.name}: RDED's sets of that size have ten classes in colour")
    npz, weights, released = work / "part.npz", work / "teacher.pt", work / "teacher-released.pth"
    part = write_part(target, npz, train_per_class=size.train_per_class, test_per_class=size.test_per_class)
    # RDED's code normalises every data set with ImageNet's statistics, for its teacher too
    statistics = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    batch = min(128, max(16, len(part.train) // STEPS))
    teacher = train_teacher(
        part, student, weights, epochs=size.teacher_epochs, batch_size=batch, **statistics, device=device
    )
    torch.save({"model": released_names(torch.load(weights, weights_only=True))}, released)
    write_tests(part, work / "tests")
    images = {ipc: _images(part, teacher, ipc, work, device) for ipc in ipcs}
    return Task(names, student, size, npz, weights, released, work / "tests", images, teacher.test_accuracy)


def _images(target: rd3.Target, teacher: rd3.Teacher, ipc: int, work: Path, device: torch.device) -> Path:
    made = rd3.distill("rded", target, teacher, ipc=ipc, store=Store(work / "making"), device=str(device))
    folder = work / f"rded-{ipc}"
    write_pictures(made.images, made.labels, folder)
    return folder
