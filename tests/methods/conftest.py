from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.models.create import create_model
from rd3.squeeze.teacher import Teacher


@pytest.fixture(scope="session")
def digits() -> Target:
    return load_target("digits")


@pytest.fixture(scope="session")
def few(digits: Target) -> Target:
    """The first 250 digits for training."""
    return dataclasses.replace(digits, train=MemoryImages(digits.train.pixels[:250], digits.train.labels[:250]))


@pytest.fixture(scope="session")
def teacher(digits: Target) -> Teacher:
    return trained(digits, "convnet2-bn-w32", steps=120)


@pytest.fixture(scope="session")
def pool(digits: Target, teacher: Teacher) -> tuple[Teacher, ...]:
    """Three teachers of different architectures."""
    return (teacher, *(trained(digits, name, steps=30) for name in ("convnet1-bn-w16", "convnet3-bn-w8")))


def trained(digits: Target, name: str, *, steps: int) -> Teacher:
    model = create_model(name, classes=10, size=8, channels=1, seed=0)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        rows = torch.randint(len(digits.train), (32,), generator=generator)
        images = (digits.train.batch(rows).float() / 255 - digits.mean[0]) / digits.std[0]
        optimiser.zero_grad()
        F.cross_entropy(model(images), digits.train.labels[rows]).backward()
        optimiser.step()
    return Teacher(model, name, digits.mean, digits.std, digits.classes, "test", 0.0, 0.0)
