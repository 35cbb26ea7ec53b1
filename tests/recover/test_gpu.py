"""Replayed passes of teachers on a GPU, against called ones."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from rd3.data.target import Target
from rd3.recover import comparisons
from rd3.recover.build import plan_of, recovery_of
from rd3.recover.engine import recover_item
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.repeated import Repeated
from rd3.recover.switches import Switches
from rd3.squeeze.teacher import Teacher
from rd3.training.device import prepare_process

from .plain import SEED, SHARED

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),
]
CUDA = torch.device("cuda")
CLOSE = {"rtol": 1e-3, "atol": 1e-3}


@pytest.fixture(scope="module", autouse=True)
def as_in_a_worker() -> None:
    prepare_process(CUDA)


@pytest.fixture
def teachers(digits_teacher: Teacher) -> list[Teacher]:
    """The teacher, and another that is a little off."""
    made = []
    for name, factor in (("first", 1.0), ("second", 0.9)):
        model = copy.deepcopy(digits_teacher.model).to(CUDA)
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(factor)
        made.append(dataclasses.replace(digits_teacher, model=model, name=name))
    return made


@contextmanager
def watched() -> Iterator[list[bool]]:
    """Whether each capture that is tried succeeds."""
    found: list[bool] = []
    captured = Repeated._captured

    def noted(repeated: Repeated, view: Tensor, item: PlanItem) -> object:
        fixed = captured(repeated, view, item)
        found.append(fixed is not None)
        return fixed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repeated, "_captured", noted)
        yield found


def pixels(target: Target, teachers: list[Teacher], **changes: object) -> Tensor:
    """Of two plan items."""
    settings = {**SHARED, "batch_size": 10, "iterations": 20, **changes}
    if "combine" not in changes:
        teachers = teachers[:1]
    problem = Problem(target, tuple(teachers), ipc=2, seed=SEED, device=CUDA)
    switches = Switches.model_validate(settings)
    recovery = recovery_of(switches, problem)
    return torch.stack([recover_item(one, recovery, seed=SEED, device=CUDA) for one in plan_of(switches, problem)[:2]])


def called_pixels(target: Target, teachers: list[Teacher], **changes: object) -> Tensor:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repeated, "applies_to", lambda *_: False)
        return pixels(target, teachers, **changes)


@pytest.mark.parametrize(
    ("changes", "captures"),
    [
        ({}, 2),
        ({"crop": "rrc", "flip": True}, 2),
        ({"perturb_steps": 3}, 2),
        ({"match": "bn_class", "r_embedding": 1.0}, 2),
        ({"match": "bn_mix"}, 2),
        ({"stage_sizes": (8, 8)}, 2),
        ({"combine": "pair", "pair_rule": "cycle"}, 4),
        ({"combine": "round-robin"}, 4),
    ],
    ids=["sre2l", "crops", "dwa", "wmdd", "bn_mix", "stages", "pair", "round-robin"],
)
def test_replayed_passes_give_the_images_of_called_ones(
    changes: dict[str, object], captures: int, digits: Target, teachers: list[Teacher]
) -> None:
    with watched() as tried:
        replayed = pixels(digits, teachers, **changes)
    assert tried == [True] * captures
    torch.testing.assert_close(replayed, called_pixels(digits, teachers, **changes), **CLOSE)


def test_adam_in_one_kernel_gives_the_images_of_the_usual_one(digits: Target, teachers: list[Teacher]) -> None:
    usual = torch.optim.Adam

    def plain(*arguments: object, fused: bool, **more: object) -> torch.optim.Adam:
        assert fused
        return usual(*arguments, **more)  # type: ignore[arg-type]

    fused = pixels(digits, teachers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "Adam", plain)
        torch.testing.assert_close(fused, pixels(digits, teachers), **CLOSE)


def test_a_loss_that_waits_for_the_host_is_called(
    digits: Target, teachers: list[Teacher], monkeypatch: pytest.MonkeyPatch
) -> None:
    distance = comparisons.distance

    def waits(mean: Tensor, variance: Tensor, weight: float) -> Tensor:
        return distance(mean, variance, weight) * (1.0 if float(mean.detach().sum()) < 1e9 else 0.0)

    with monkeypatch.context() as patch, watched() as tried:
        patch.setattr(comparisons, "distance", waits)
        called = pixels(digits, teachers)
    assert tried == [False]  # once for all items
    with watched() as tried:
        replayed = pixels(digits, teachers)  # random numbers go on, and so do captures
    assert tried == [True, True]
    torch.testing.assert_close(replayed, called, **CLOSE)
