from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_sample_images
from torch import Tensor, nn

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target, TargetSpec
from rd3.models.create import create_model
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def digits() -> Target:
    return load_target("digits")


@pytest.fixture(scope="session")
def photos() -> Target:
    """Overlapping 128 px tiles of two real photos, one class a photo."""
    tiles = [_tiles(torch.from_numpy(photo.copy())) for photo in load_sample_images().images]
    pixels = torch.cat(tiles)
    labels = torch.arange(2).repeat_interleave(len(tiles[0]))
    return Target(
        spec=TargetSpec(name="photos"),
        train=MemoryImages(pixels, labels),
        test=MemoryImages(pixels, labels),
        classes=("china", "flower"),
        mean=(0.5, 0.4, 0.3),
        std=(0.25, 0.3, 0.2),
        statistics="measured on train",
        flip_keeps_class=True,
        pixel_hash="photos",
    )


def _tiles(photo: Tensor) -> Tensor:
    tiles = photo.unfold(0, 128, 64).unfold(1, 128, 64)  # (rows, columns, C, 128, 128)
    return tiles.reshape(-1, 3, 128, 128)


@pytest.fixture(scope="session")
def digits_teacher(digits: Target) -> Teacher:
    return trained_teacher(digits, "convnet2-bn-w32", steps=120)


@pytest.fixture(scope="session")
def photos_teacher(photos: Target) -> Teacher:
    return trained_teacher(photos, "convnet5-bn-w8", steps=6)


@pytest.fixture(scope="session")
def pool(digits: Target, digits_teacher: Teacher) -> tuple[Teacher, ...]:
    """Three teachers in float64."""
    others = [trained_teacher(digits, name, steps=20) for name in ("convnet1-bn-w16", "convnet3-bn-w8")]
    teachers = (digits_teacher, *others)
    return tuple(dataclasses.replace(one, model=copy.deepcopy(one.model).double()) for one in teachers)


def trained_teacher(target: Target, name: str, *, steps: int) -> Teacher:
    model = create_model(name, classes=target.num_classes, size=target.size, channels=target.channels, seed=0)
    teacher = Teacher(model, name, target.mean, target.std, target.classes, "test", 0.0, 0.0)
    train(teacher, target, steps)
    return teacher


def train(teacher: Teacher, target: Target, steps: int) -> None:
    model: nn.Module = teacher.model.train().requires_grad_(True)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(len(target.train), (32,), generator=generator)
        logits = teacher.logits(target.train.batch(rows).float() / 255)
        optimiser.zero_grad()
        F.cross_entropy(logits, target.train.labels[rows]).backward()
        optimiser.step()
    model.eval().requires_grad_(False)
