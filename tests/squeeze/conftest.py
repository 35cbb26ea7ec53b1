from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rd3.data.load import load_target
from rd3.data.target import Target, TargetSpec
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.train import squeeze

MODEL = "convnet2-bn-w32"


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def digits() -> Target:
    return load_target("digits")


@pytest.fixture(scope="session")
def teacher(digits: Target) -> Teacher:
    """Digits under their default recipe."""
    return squeeze(digits, teacher_spec(digits, MODEL))


@pytest.fixture(scope="session")
def sized(tmp_path_factory: pytest.TempPathFactory, digits: Target):
    """A few of the digits resized to a side, with or without leave to mirror them."""
    file = tmp_path_factory.mktemp("few") / "digits.npz"
    pixels, labels = digits.train.pixels.numpy()[:40, 0], digits.train.labels.numpy()[:40]
    np.savez(file, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)

    def sized(size: int, *, flip: bool) -> Target:
        return load_target(TargetSpec(name=f"npz:{Path(file)}", size=size, flip=flip))

    return sized
