"""EDC's flatness term against the loop written out (see `plain.py`)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.recover.flatness import Flatness
from rd3.recover.objective import Look
from rd3.recover.plan import PlanItem
from rd3.recover.teachers import private_copy, twin
from rd3.squeeze.teacher import Teacher

from .plain import CPU, PlainRun, PlainTeacher, real_start, recovered

ITEM = PlanItem(1, torch.tensor([3, 1, 4]), torch.tensor([0, 0, 0]))


def divergence(wanted: Tensor, said: Tensor, temperature: float) -> Tensor:
    """Σ p (ln p − ln q) over classes, the mean over images."""
    p, q = ((logits / temperature).exp() for logits in (wanted, said))
    p, q = p / p.sum(1, keepdim=True), q / q.sum(1, keepdim=True)
    return (p * (p / q).log()).sum(1).mean()


def test_the_average_starts_at_the_start_and_follows_the_images(digits: Target, pool: tuple[Teacher, ...]) -> None:
    """Iteration t compares with E_t, where E_0 = X_0 and E_{t+1} = d E_t + (1 − d) X_t, rolled as the images are."""
    start, teacher = real_start(digits, pool[0], ITEM, ipc=1), PlainTeacher(pool[0])
    other = PlainTeacher(pool[0]).model  # its hooks see the average; the teacher's must not
    run, x, average = PlainRun(pool[0], ITEM, 6), start.clone().requires_grad_(), start.clone()

    def loss(x: Tensor, _: int) -> Tensor:
        nonlocal average
        shift = torch.randint(0, 3, (2,), generator=run.stream).tolist()
        with torch.no_grad():
            wanted = other(average.roll(shift, (2, 3)))
            average = 0.7 * average + 0.3 * x.detach()
        z = x.roll(shift, (2, 3))
        return teacher.loss(z, ITEM.labels) + 5 * divergence(wanted, teacher.model(z), 2.0)

    run.optimise(x, 6, loss)
    switches = {"flatness": 5.0, "flatness_decay": 0.7, "flatness_temperature": 2.0}
    found = recovered(digits, pool, ITEM, ipc=1, **switches)
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)
    assert not torch.allclose(found, recovered(digits, pool, ITEM, ipc=1))


def test_teachers_in_turn_share_one_average(digits: Target, pool: tuple[Teacher, ...]) -> None:
    start, teachers = real_start(digits, pool[0], ITEM, ipc=1), [PlainTeacher(one) for one in pool]
    others = [PlainTeacher(one).model for one in pool]
    run, x, average = PlainRun(pool[0], ITEM, 6), start.clone().requires_grad_(), start.clone()

    def loss(x: Tensor, step: int) -> Tensor:
        nonlocal average
        turn, shift = (6 + step) % 3, torch.randint(0, 3, (2,), generator=run.stream).tolist()
        with torch.no_grad():
            wanted = others[turn](average.roll(shift, (2, 3)))
            average = 0.99 * average + 0.01 * x.detach()
        z = x.roll(shift, (2, 3))
        return teachers[turn].loss(z, ITEM.labels) + divergence(wanted, teachers[turn].model(z), 4.0)

    run.optimise(x, 6, loss)
    found = recovered(digits, pool, ITEM, ipc=1, flatness=1.0, combine="round-robin")
    torch.testing.assert_close(found, x.detach(), rtol=1e-7, atol=1e-7)


def test_an_average_of_the_same_images_costs_nothing(digits: Target, digits_teacher: Teacher) -> None:
    images = digits_teacher.normalise(digits.train.batch(torch.arange(3)).float() / 255).requires_grad_()
    model = private_copy(digits_teacher.model, CPU)
    look = Look(images, images, lambda values: values, ITEM, 0, 1, average=images.detach())
    term = Flatness(model, temperature=4.0)(model(images), look)
    term.backward()  # type: ignore[no-untyped-call]
    assert float(term.detach()) == pytest.approx(0, abs=1e-6)
    assert images.grad is not None
    assert float(images.grad.abs().max()) < 1e-6


def test_a_twin_shares_the_weights_and_no_hook_that_comes_later(digits_teacher: Teacher) -> None:
    model = private_copy(digits_teacher.model, CPU)
    other, seen = twin(model), []
    next(model.children()).register_forward_pre_hook(lambda *_: seen.append(1))
    images = torch.zeros(1, 1, 8, 8)
    assert torch.equal(other(images), model(images))
    assert len(seen) == 1
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.5)
    assert torch.equal(other(images), model(images))


def test_edc_has_it_switched_off_and_with_it_other_images(digits: Target, digits_teacher: Teacher) -> None:
    def made(**changes: float) -> Tensor:
        method = METHODS["edc"].model_validate({"iterations": 5, **changes})
        return method.distill(Task(digits, digits_teacher, 1, 0)).images

    assert METHODS["edc"]().flatness == 0.0  # type: ignore[attr-defined]
    assert not torch.equal(made(), made(flatness=50.0))
