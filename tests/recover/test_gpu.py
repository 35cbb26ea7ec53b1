"""Replayed passes of teachers on a GPU, against called ones."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from torch import Tensor

from rd3.data.target import Target
from rd3.recover.build import plan_of, recovery_of
from rd3.recover.engine import recover_item
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


@pytest.fixture(scope="module", autouse=True)
def as_in_a_worker() -> None:
    prepare_process(CUDA)


def pixels(target: Target, teacher: Teacher, **changes: object) -> Tensor:
    switches = Switches.model_validate({**SHARED, "batch_size": 10, "iterations": 20, **changes})
    moved = dataclasses.replace(teacher, model=copy.deepcopy(teacher.model).to(CUDA))
    problem = Problem(target, (moved,), ipc=1, seed=SEED, device=CUDA)
    item = plan_of(switches, problem)[0]
    return recover_item(item, recovery_of(switches, problem), seed=SEED, device=CUDA)


@pytest.mark.parametrize(
    "changes",
    [{}, {"crop": "rrc", "flip": True}, {"perturb_steps": 3}, {"r_embedding": 1.0}, {"match": "bn_mix"}],
    ids=["sre2l", "crops", "dwa", "wmdd", "bn_mix"],
)
def test_replayed_passes_give_the_images_of_called_ones(
    changes: dict[str, object], digits: Target, digits_teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = []
    captured = Repeated._captured

    def watched(repeated: Repeated, *arguments: object) -> object:
        found = captured(repeated, *arguments)  # type: ignore[arg-type]
        refusals.append(repeated.refused)
        return found

    monkeypatch.setattr(Repeated, "_captured", watched)
    replayed = pixels(digits, digits_teacher, **changes)
    assert refusals == [None]
    monkeypatch.setattr(Repeated, "__call__", lambda self, view, item: self._function(view, item))
    called = pixels(digits, digits_teacher, **changes)
    assert refusals == [None]
    torch.testing.assert_close(replayed, called, rtol=1e-3, atol=1e-3)


def test_a_loss_that_waits_for_the_host_is_called(
    digits: Target, digits_teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics class by class ask which classes a batch has; after the failed capture random numbers go on."""
    replayed = pixels(digits, digits_teacher, match="bn_class", batching="cm")
    torch.randn(1, device=CUDA)
    monkeypatch.setattr(Repeated, "__call__", lambda self, view, item: self._function(view, item))
    called = pixels(digits, digits_teacher, match="bn_class", batching="cm")
    torch.testing.assert_close(replayed, called, rtol=1e-3, atol=1e-3)
