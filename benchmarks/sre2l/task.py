"""What both sides recover from: a hundred classes, and a ResNet-18 that knows them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.core.parts import train_teacher, write_part
from torch import Tensor

import rd3
from rd3.base.errors import UserError
from rd3.evaluation.settings import NORMALISATIONS

MODEL = "resnet18"
MEAN, STD = NORMALISATIONS["cifar10-dc"]  # what the released code clamps and saves with
BATCH = 16  # of the teacher: with few images, steps enough for BatchNorm's running statistics
CLASSES = 100  # that the released code asks for, whatever the teacher knows


@dataclass(frozen=True)
class Task:
    """The files.

    Attributes:
        weights, released_weights: the teacher's, as a bare state dict and as the released code loads it.
        split: whether the hundred classes are made of ten.
    """

    npz: Path
    weights: Path
    released_weights: Path
    teacher: rd3.Teacher
    split: bool


def make_task(target: rd3.Target, *, per_class: int, epochs: int, work: Path, device: torch.device) -> Task:
    """Make everything in the empty folder `work`.

    Args:
        per_class: real images of each of the hundred classes that the teacher is trained, and then tested, on.

    Raises:
        UserError: neither ten nor a hundred classes, or not 32 px in colour.
    """
    if target.num_classes not in (10, CLASSES) or target.train.shape != (3, 32, 32):
        raise UserError(f"--target {target.name}: expected 10 or 100 classes, 32 px, in colour")
    split = target.num_classes == 10
    npz, weights, released = work / "part.npz", work / "teacher.pt", work / "teacher-released.pth"
    many = CLASSES // target.num_classes * per_class
    part = write_part(target, npz, train_per_class=many, test_per_class=10)
    if split:
        part = split_in_hundred(npz)
    teacher = train_teacher(part, MODEL, weights, epochs=epochs, batch_size=BATCH, mean=MEAN, std=STD, device=device)
    state = {f"module.{name}": value for name, value in torch.load(weights, weights_only=True).items()}
    torch.save({"state_dict": state}, released)
    return Task(npz, weights, released, teacher, split)


def split_in_hundred(npz: Path) -> rd3.Target:
    """Cut every class into ten by brightness, in place: the released code asks for a hundred classes.

    The test split becomes the training images: a quick teacher of made-up classes is only to be told from chance.
    """
    with np.load(npz, allow_pickle=False) as file:
        images, labels = file["x_train"], file["y_train"]
    fine = tenths(torch.from_numpy(images), torch.from_numpy(labels)).numpy()
    order = np.argsort(fine, kind="stable")
    arrays: dict[str, Any] = {"x_train": images[order], "y_train": fine[order]}
    arrays |= {"x_test": arrays["x_train"], "y_test": arrays["y_train"]}
    np.savez(npz, classes=np.array([f"class {k // 10}, tenth {k % 10}" for k in range(CLASSES)]), **arrays)
    return rd3.load_target(f"npz:{npz}")


def tenths(images: Tensor, labels: Tensor) -> Tensor:
    """10 · label + the tenth of its class, by mean brightness, that each image is in, int64 (N,)."""
    brightness = images.float().flatten(1).mean(1)
    fine = torch.empty_like(labels)
    for label in labels.unique().tolist():
        rows = (labels == label).nonzero()[:, 0]
        rank = brightness[rows].argsort().argsort()
        fine[rows] = 10 * label + rank * 10 // len(rows)
    return fine
