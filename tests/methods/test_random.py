from __future__ import annotations

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.methods.base import METHODS, Task


def test_random_images_are_distinct_training_images_of_their_class(digits: Target) -> None:
    made = METHODS["random"]().distill(Task(digits, None, 5, 3))
    pixels = digits.train.batch(torch.arange(len(digits.train))).flatten(1)
    for image, label in zip(made.images.flatten(1), made.labels, strict=True):
        assert label in digits.train.labels[(pixels == image).all(1)]
    assert len({tuple(image.tolist()) for image in made.images.flatten(1)}) == 50


def test_every_replicate_takes_a_new_draw_of_real_images() -> None:
    assert METHODS["random"].fresh_draws
    assert METHODS["random"].aids == ("real images",)
    assert not METHODS["random"].needs_teacher


def test_too_large_an_ipc_names_the_class(digits: Target) -> None:
    with pytest.raises(UserError, match=r"ipc = 500: class '\w+' has only \d+ training images"):
        METHODS["random"]().distill(Task(digits, None, 500, 0))
