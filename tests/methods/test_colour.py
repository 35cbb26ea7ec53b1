"""Every row as its paper sets it for CIFAR, on small colour photos: shapes, flips, crops and paddings at 32 px."""

from __future__ import annotations

import pytest
import torch
from sklearn.datasets import load_sample_images

from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.target import Target, TargetSpec
from rd3.methods.base import METHODS, Task
from rd3.methods.decoupled import Decoupled
from rd3.models.create import create_model
from rd3.squeeze.teacher import Teacher

ROWS = [name for name in METHODS.names() if issubclass(METHODS[name], Decoupled)]


@pytest.fixture(scope="module")
def photos() -> Target:
    """32 px tiles of two real photos, a class each."""
    tiles = [
        torch.from_numpy(photo.copy()).unfold(0, 32, 64).unfold(1, 32, 64).reshape(-1, 3, 32, 32)
        for photo in load_sample_images().images
    ]
    images = MemoryImages(torch.cat(tiles), torch.arange(2).repeat_interleave(len(tiles[0])))
    return Target(
        spec=TargetSpec(name="photos"),
        train=images,
        test=images,
        classes=("china", "flower"),
        mean=(0.5, 0.4, 0.3),
        std=(0.25, 0.3, 0.2),
        statistics="measured on train",
        flip_keeps_class=True,
        pixel_hash="photos32",
    )


@pytest.fixture(scope="module")
def teachers(photos: Target) -> tuple[Teacher, ...]:
    names = ("convnet3-bn-w8", "convnet2-bn-w8")
    models = [create_model(name, classes=2, size=32, channels=3, seed=0) for name in names]
    with torch.no_grad():
        for model in models:
            for _ in range(20):  # running statistics of the photos
                model(photos.train.batch(torch.arange(0, len(photos.train), 3)).float() / 255)
    return tuple(
        Teacher(model, name, photos.mean, photos.std, photos.classes, name, 0.5, 0.0)
        for model, name in zip(models, names, strict=True)
    )


@pytest.mark.parametrize("name", ROWS)
def test_a_row_of_cifar_runs_on_colour(name: str, photos: Target, teachers: tuple[Teacher, ...]) -> None:
    changes = {"iterations": 4, "round_iterations": 0}
    method = parse(METHODS[name], METHODS[name].settings_for(photos, 1) | changes, where="test")
    assert isinstance(method, Decoupled)
    task = Task(photos, teachers[0], 1, 0, teachers=teachers)
    made = method.distill(task)
    still = method.model_copy(update={"iterations": 0}).distill(task)
    assert made.images.shape == (2, 3, 32, 32)
    assert not torch.equal(made.images, still.images)
    assert made.info["teacher_forwards"] > still.info["teacher_forwards"]
    assert "no flip: it would change the class" not in made.info["flags"]
