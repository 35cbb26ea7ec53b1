from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.models.create import create_model
from rd3.squeeze.teacher import Teacher


@pytest.fixture(scope="session")
def digits() -> Target:
    return load_target("digits")


@pytest.fixture(scope="session")
def teacher(digits: Target) -> Teacher:
    model = create_model("convnet2-bn-w32", classes=10, size=8, channels=1, seed=0)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    generator = torch.Generator().manual_seed(0)
    for _ in range(120):
        rows = torch.randint(len(digits.train), (32,), generator=generator)
        images = (digits.train.batch(rows).float() / 255 - digits.mean[0]) / digits.std[0]
        optimiser.zero_grad()
        F.cross_entropy(model(images), digits.train.labels[rows]).backward()
        optimiser.step()
    return Teacher(model, "convnet2-bn-w32", digits.mean, digits.std, digits.classes, "test", 0.0, 0.0)
