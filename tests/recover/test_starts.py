"""What recoveries start from, against loops over single images."""

from __future__ import annotations

import math

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.recover.pixels import PixelSpace
from rd3.recover.plan import BATCHINGS
from rd3.recover.problem import Problem
from rd3.recover.starts import looks, real_start, start_of
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")


@pytest.fixture
def problem(digits: Target, digits_teacher: Teacher) -> Problem:
    return Problem(digits, (digits_teacher,), ipc=4, seed=2, device=CPU)


def test_medium_images_are_the_real_ones_around_the_median_of_probability(problem: Problem) -> None:
    """As DELT stores them: in rising order of p(true class), from ⌈n / 2⌉ one up, one down, two up, …"""
    train, found = problem.target.train, real_start("medium", problem)
    for label in (0, 6):
        own = (train.labels == label).nonzero()[:, 0].tolist()
        probability = {}
        for index in own:
            logits = problem.teacher.logits(train.batch(torch.tensor([index])).float() / 255)
            probability[index] = float(logits.double().softmax(1)[0, label])
        rising = sorted(own, key=lambda index: probability[index])
        middle = math.ceil(len(own) / 2)
        expected = [rising[middle + offset] for offset in (0, 1, -1, 2)]
        assert torch.equal(found[4 * label : 4 * label + 4], train.batch(torch.tensor(expected)))


def test_real_images_are_the_random_subset(problem: Problem) -> None:
    chosen = random_subset(problem.target, 4, 2)
    assert torch.equal(real_start("real", problem), problem.target.train.batch(chosen))


def test_the_middle_of_the_mosaics_is_harder_than_their_best(problem: Problem) -> None:
    labels = torch.arange(10).repeat_interleave(4)
    losses = [
        float(torch.nn.functional.cross_entropy(problem.teacher.logits(images.float() / 255), labels))
        for images in (real_start("rded", problem), real_start("rded-medium", problem))
    ]
    assert losses[0] < losses[1]


@pytest.mark.parametrize("name", ["real", "medium", "rded", "rded-medium"])
def test_an_item_starts_from_its_own_images_in_the_teacher_s_normalisation(name: str, problem: Problem) -> None:
    space = PixelSpace(problem.teacher.mean, problem.teacher.std)
    item = BATCHINGS["opc"](4, 10, 3)[5]
    start = start_of(name, problem, space)(item, torch.Generator())  # type: ignore[arg-type]
    assert torch.equal(space.decode(start), real_start(name, problem)[item.rows(4)])  # type: ignore[arg-type]


def test_looks_are_the_crops_that_a_teacher_scores(problem: Problem) -> None:
    target, counts = problem.target, torch.bincount(problem.target.train.labels)
    found = [looks(name, target, 4) for name in ("noise", "real", "medium", "rded", "rded-medium")]  # type: ignore[arg-type]
    assert found == [0, 0, len(target.train), 5 * int(counts.sum()), 5 * int(counts.sum())]
    assert int(counts.max()) < 300


def test_too_small_a_class_is_named(problem: Problem) -> None:
    with pytest.raises(UserError, match=r"ipc = 400 .*'\w+' has only"):
        real_start("medium", Problem(problem.target, problem.teachers, ipc=400, seed=0, device=CPU))
