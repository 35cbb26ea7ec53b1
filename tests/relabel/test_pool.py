"""Teacher pools: the mean of their logits, from teachers that know the target's classes."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.models import create_model
from rd3.relabel.pool import TeacherPool
from rd3.squeeze.teacher import Teacher

NAMES = tuple("0123456789")


def teacher(seed: int, *, mean: float = 0.3, classes: tuple[str, ...] = NAMES) -> Teacher:
    """An untrained network: logits are logits."""
    model = create_model("convnet1-bn-w8", classes=len(classes), size=8, channels=1, seed=seed)
    return Teacher(model, f"net{seed}", (mean,), (0.4,), classes, f"f{seed}", 0.1, 0.0)


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return load_target("digits").test.batch(torch.arange(20)).float() / 255


@pytest.mark.parametrize("count", [1, 2, 3])
@torch.no_grad()
def test_a_pool_gives_the_mean_of_the_logits(count, pictures) -> None:
    teachers = [teacher(seed, mean=0.1 * seed) for seed in range(count)]
    each = torch.stack([one.model((pictures - one.mean[0]) / 0.4) for one in teachers])
    torch.testing.assert_close(TeacherPool(teachers, NAMES)(pictures, torch.arange(20)), each.mean(0))


@torch.no_grad()
def test_a_pool_of_one_gives_its_bits(pictures) -> None:
    one = teacher(0)
    assert torch.equal(TeacherPool([one], NAMES)(pictures, torch.arange(20)), one.logits(pictures))


@torch.no_grad()
def test_every_picture_that_goes_through_a_teacher_counts(pictures) -> None:
    pool = TeacherPool([teacher(0), teacher(1)], NAMES)
    assert pool.forwards == 0
    pool(pictures, torch.arange(20))
    pool(pictures[:5], torch.arange(5))
    assert pool.forwards == 2 * 25


def test_a_pool_moves_its_teachers_and_is_itself() -> None:
    pool = TeacherPool([teacher(0)], NAMES)
    assert pool.to(torch.device("cpu")) is pool


@pytest.mark.parametrize(
    ("classes", "complaint"),
    [
        (NAMES[:9], "teacher net1 knows 9 classes, the target has 10"),
        (("a", *NAMES[1:]), "teacher net1 was trained on other classes, for instance 'a'"),
        (
            ("0", "2", "1", *NAMES[3:]),
            "teacher net1 has its classes in another order: its output 1 is '2', class 1 of the target is '1'",
        ),
    ],
)
def test_classes_that_are_not_the_target_s_are_refused(classes, complaint) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(complaint)}$"):
        TeacherPool([teacher(0), teacher(1, classes=classes)], NAMES)


def test_labels_need_a_teacher() -> None:
    with pytest.raises(UserError, match="no teacher given"):
        TeacherPool([], NAMES)


def test_equal_classes_are_enough() -> None:
    TeacherPool([replace(teacher(0), name="renamed", test_accuracy=0.2)], NAMES)
