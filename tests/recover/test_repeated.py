"""Passes on fixed buffers: the step that a GPU captures, called on a CPU."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.decoupled import Decoupled
from rd3.recover.build import plan_of, recovery_of
from rd3.recover.engine import recover_item
from rd3.recover.memory import recovery_bytes
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.repeated import Repeated
from rd3.recover.switches import Switches
from rd3.squeeze.teacher import Teacher
from rd3.training.graphs import WARM_UP

from .plain import CPU, SEED, SHARED

ITEM = PlanItem(0, torch.tensor([0, 1]), torch.tensor([0, 0]))


class Everywhere(Repeated):
    """On a CPU the function is called on the buffers."""

    def applies_to(self, view: Tensor) -> bool:  # noqa: ARG002
        return True


class Counted:
    """Σ view³ · (1 + label), which notes where its view lay."""

    def __init__(self) -> None:
        self.places: list[int] = []

    def __call__(self, view: Tensor, item: PlanItem) -> Tensor:
        self.places.append(view.data_ptr())
        return (view**3).sum(1) @ (1.0 + item.labels)


def loss_and_gradient(repeated: Repeated, view: Tensor, item: PlanItem = ITEM) -> tuple[float, Tensor]:
    leaf = view.clone().requires_grad_()
    loss = 2 * repeated(leaf, item)
    loss.backward()  # type: ignore[no-untyped-call]
    assert leaf.grad is not None
    return float(loss.detach()), leaf.grad


def test_values_and_gradients_are_those_of_the_function() -> None:
    counted = Counted()
    repeated = Everywhere(counted)
    views = torch.randn(8, 2, 5, generator=torch.Generator().manual_seed(0))
    for view in views:
        loss, gradient = loss_and_gradient(repeated, view)
        weights = torch.tensor([[1.0], [2.0]])
        assert loss == pytest.approx(float(2 * (weights * view**3).sum()), rel=1e-5)
        torch.testing.assert_close(gradient, 6 * weights * view**2)
    assert len(set(counted.places[WARM_UP:])) == 1  # one buffer for all that come after the first calls


def test_another_item_or_size_starts_anew() -> None:
    counted = Counted()
    repeated = Everywhere(counted)
    other = PlanItem(1, torch.tensor([4, 5]), torch.tensor([0, 0]))
    for size, item in ((5, ITEM), (5, other), (7, other)):
        for number in range(WARM_UP + 2):
            view = torch.full((2, size), 0.1 * (number + 1))
            loss, _ = loss_and_gradient(repeated, view, item)
            expected = 2 * float((view**3).sum(1) @ (1.0 + item.labels))
            assert loss == pytest.approx(expected, rel=1e-5)


def test_a_gradient_is_read_before_the_next_view() -> None:
    repeated = Everywhere(Counted())
    view = torch.ones(2, 5).requires_grad_()
    for _ in range(WARM_UP):
        repeated(view, ITEM)
    early, _ = repeated(view, ITEM), repeated(2 * view, ITEM)
    with pytest.raises(AssertionError, match="before the gradient was read"):
        early.backward()  # type: ignore[no-untyped-call]


def test_images_that_join_are_never_captured() -> None:
    """Their item is another in every iteration."""
    counted = Counted()
    repeated = Everywhere(counted)
    views = [torch.randn(2, 5).requires_grad_() for _ in range(WARM_UP + 3)]
    for view in views:
        repeated(view, ITEM.take(torch.arange(2)))
    assert counted.places == [view.data_ptr() for view in views]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"crop": "rrc", "flip": True},
        {"perturb_steps": 2},
        {"match": "bn_class", "r_embedding": 1.0},
        {"precision": "bf16"},
        {"stage_sizes": (8, 8)},
        {"combine": "pair", "pair_rule": "cycle"},
        {"combine": "round-robin"},
    ],
    ids=["sre2l", "crops", "dwa", "wmdd", "bf16", "stages", "pair", "round-robin"],
)
def test_a_recovery_on_fixed_buffers_has_the_same_bits(
    changes: dict[str, object], digits: Target, digits_teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asked(digits, digits_teacher, changes)[0].repeats
    called = recovered(digits, digits_teacher, changes)
    buffers = []
    through = Repeated._captured

    def noted(repeated: Repeated, view: Tensor, item: PlanItem) -> object:
        buffers.append(view.shape)
        return through(repeated, view, item)

    monkeypatch.setattr(Repeated, "_captured", noted)
    monkeypatch.setattr(Repeated, "applies_to", lambda *_: True)
    fixed = recovered(digits, digits_teacher, changes)
    assert buffers == [(10, 1, 8, 8)] * (2 if "combine" in changes else 1)
    assert torch.equal(fixed, called)


def test_a_capture_that_fails_in_the_middle_changes_nothing_and_is_told(
    digits: Target, digits_teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a GPU has it, where a layer that waits for the host ends the recording."""
    called = recovered(digits, digits_teacher, {})
    tried = []

    def waits(*_: Tensor) -> None:
        raise RuntimeError("it waits")

    def fails(repeated: Repeated, view: Tensor, item: PlanItem) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(F, "cross_entropy", waits)  # behind the network, whose hooks have measured
            with pytest.raises(RuntimeError):
                repeated._function(view, item)
        tried.append(item)
        repeated._called = True
        repeated._refused("capture failed (it waits)", item)

    switches, problem = asked(digits, digits_teacher, {})
    monkeypatch.setattr(Repeated, "_captured", fails)
    monkeypatch.setattr(Repeated, "applies_to", lambda *_: True)
    recovery = recovery_of(switches, problem)
    for _ in range(2):
        item = plan_of(switches, problem)[0]
        assert torch.equal(recover_item(item, recovery, seed=SEED, device=CPU), called)
    assert len(tried) == 1  # and not again for the next batch
    assert problem.refused == ["capture failed (it waits)"]
    method = METHODS["sre2l"]()
    assert isinstance(method, Decoupled)
    assert method.flags(problem)[-1] == "passes of a teacher were called: capture failed (it waits)"


@pytest.mark.parametrize(
    "changes",
    [{"ema": 0.9}, {"conv": True, "drop": 0.4}, {"flatness": 1.0}],
    ids=["average", "drop", "flatness"],
)
def test_a_loss_that_goes_on_from_iteration_to_iteration_is_called(
    changes: dict[str, object], digits: Target, digits_teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not asked(digits, digits_teacher, changes)[0].repeats
    monkeypatch.setattr(Repeated, "__call__", lambda *_: pytest.fail("was taken for the same in every iteration"))
    recovered(digits, digits_teacher, changes)


def test_on_a_gpu_the_graphs_of_teachers_that_take_turns_are_in_memory_together(digits: Target) -> None:
    names = ("convnet2-bn-w16",) * 3

    def stated(device: str, **changes: object) -> int:
        switches = Switches.model_validate({**SHARED, "batch_size": 100, "combine": "round-robin", **changes})
        return recovery_bytes(switches, digits, 10, names, torch.device(device))  # a name: nothing is run on it

    assert stated("cuda") > 1.5 * stated("cpu")
    assert stated("cuda", ema=0.9) == stated("cpu", ema=0.9)


def recovered(target: Target, teacher: Teacher, changes: dict[str, object]) -> Tensor:
    switches, problem = asked(target, teacher, changes)
    return recover_item(plan_of(switches, problem)[0], recovery_of(switches, problem), seed=SEED, device=CPU)


def asked(target: Target, teacher: Teacher, changes: dict[str, object]) -> tuple[Switches, Problem]:
    switches = Switches.model_validate({**SHARED, "batch_size": 10, "iterations": 10, **changes})
    teachers = (teacher, dataclasses.replace(teacher, name="another"))
    return switches, Problem(target, teachers[: 2 if "combine" in changes else 1], ipc=1, seed=SEED, device=CPU)
