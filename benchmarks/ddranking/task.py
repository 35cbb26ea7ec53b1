"""What both sides score: a part of CIFAR-10, a teacher, and synthetic sets as folders of pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from benchmarks.core.parts import brought

import rd3
from rd3.base.errors import UserError
from rd3.data.arrays import Labels
from rd3.data.decode import Pixels
from rd3.evaluation.settings import NORMALISATIONS
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.train import squeeze
from rd3.study.store import Store
from rd3.synthetic.exporter import export
from rd3.synthetic.sidecar import SIDECAR

HERE = Path(__file__).parent
MODEL = "convnet3-bn"
PEER_MODEL = "ConvNet-3-BN"
MEAN, STD = NORMALISATIONS["cifar10-dc"]  # what ddranking normalises with


@dataclass(frozen=True)
class Size:
    """How large the task is.

    Attributes:
        train_per_class, test_per_class: images of CIFAR-10, drawn at random.
        teacher_epochs: of the teacher.
        ipc: images per class of the synthetic sets.
        epochs: of every training; ddranking tests after each 20th, so at least 20.
        synthetic_batch, real_batch: batch sizes, of the small sets and of the whole training split.
        repeats: replicates.
    """

    train_per_class: int = 40
    test_per_class: int = 50
    teacher_epochs: int = 20
    ipc: int = 5
    epochs: int = 20
    synthetic_batch: int = 50
    real_batch: int = 64
    repeats: int = 4


@dataclass(frozen=True)
class Task:
    """The files on disk, and the teacher as rd3 has it."""

    size: Size
    npz: Path
    target: rd3.Target
    teacher_file: Path
    teacher: rd3.Teacher
    folders: dict[str, Path]

    @property
    def teachers(self) -> Path:
        """The folder that ddranking looks for teachers in."""
        return self.teacher_file.parents[2]


def make_task(cifar10: Path, methods: Sequence[str], size: Size, work: Path, device: torch.device) -> Task:
    """Make everything in the empty folder `work`."""
    npz = work / "part.npz"
    write_part(cifar10, npz, size)
    target = rd3.load_target(f"npz:{npz}")
    teacher_file = work / "teachers" / "CIFAR10" / PEER_MODEL / "ckpt_best.pt"
    train_teacher(target, teacher_file, size.teacher_epochs, device)
    teacher = brought(teacher_file, target, model=MODEL, mean=MEAN, std=STD, device=device)
    folders = {method: distilled(method, target, teacher, size.ipc, work, device) for method in methods}
    return Task(size, npz, target, teacher_file, teacher, folders)


def write_part(cifar10: Path, npz: Path, size: Size) -> None:
    """Random images of every class, class by class, the same ones for the same order of the file."""
    draw = np.random.default_rng(0)
    parts: dict[str, Any] = {}
    for split, count in (("train", size.train_per_class), ("test", size.test_per_class)):
        images, labels = read_cifar10(cifar10, split)
        order = draw.permutation(len(labels))
        chosen = np.concatenate([order[labels[order] == label][:count] for label in range(len(CLASSES))])
        parts |= {f"x_{split}": images[chosen], f"y_{split}": labels[chosen]}
    np.savez(npz, classes=np.array(CLASSES), **parts)


CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def read_cifar10(path: Path, split: str) -> tuple[Pixels, Labels]:
    """uint8 (N, 32, 32, 3) and int64 (N,) of an .npz, or of the folder that holds torchvision's cifar-10-batches-py."""
    if path.is_dir():
        from torchvision.datasets import CIFAR10

        whole = CIFAR10(path, train=split == "train")
        return whole.data, np.asarray(whole.targets)
    if not path.is_file():
        raise UserError(f"--cifar10 {path}: expected an .npz file, or the folder that holds cifar-10-batches-py")
    with np.load(path, allow_pickle=False) as arrays:
        return arrays[f"x_{split}"], arrays[f"y_{split}"]


def train_teacher(target: rd3.Target, path: Path, epochs: int, device: torch.device) -> None:
    """A bare state dict where ddranking looks for it; the two networks name their parameters alike."""
    spec = teacher_spec(target, MODEL, recipe="short", epochs=epochs)
    teacher = squeeze(target, spec.model_copy(update={"mean": MEAN, "std": STD}), device=device)
    path.parent.mkdir(parents=True)
    torch.save({name: value.cpu().contiguous() for name, value in teacher.model.state_dict().items()}, path)


def distilled(
    method: str, target: rd3.Target, teacher: rd3.Teacher, ipc: int, work: Path, device: torch.device
) -> Path:
    """A folder of PNGs, class by class; `method` may carry settings, `sre2l[iterations=100]`."""
    name, _, settings = method.rstrip("]").partition("[")
    changes = yaml.safe_load(f"{{{settings.replace('=', ': ')}}}")
    made = rd3.distill(name, target, teacher, ipc=ipc, store=Store(work / "making"), device=str(device), **changes)
    folder = work / "synthetic" / name
    folder.parent.mkdir(exist_ok=True)
    export(made, folder, "folder")
    (folder / SIDECAR).unlink()  # pictures alone, as both sides would get them from others
    return folder
