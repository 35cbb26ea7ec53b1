"""Schedules against published values and torch's schedulers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.training.schedules import Schedule

Scheduler = lr_scheduler.LRScheduler


def factors(schedule: Schedule, epochs: int) -> list[float]:
    return [schedule.factor(epoch, epochs) for epoch in range(epochs)]


def torch_factors(build: Callable[[torch.optim.SGD], Scheduler], epochs: int) -> list[float]:
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, values = build(optimiser), []
    for _ in range(epochs):
        values.append(float(optimiser.param_groups[0]["lr"]))
        optimiser.step()
        scheduler.step()
    return values


@pytest.mark.parametrize(
    ("zeta", "expected"),
    [
        (1.0, [1, 0.853553, 0.5, 0.146447, 0]),
        (1.5, [1, 0.933013, 0.75, 0.5, 0.25]),
        (2.0, [1, 0.961940, 0.853553, 0.691342, 0.5]),
        (3.0, [1, 0.982963, 0.933013, 0.853553, 0.75]),
    ],
)
def test_the_smoothed_cosine_has_its_published_values(zeta: float, expected: list[float]) -> None:
    schedule = Schedule(kind="cosine", zeta=zeta)
    values = [schedule.factor(epoch, 400) for epoch in (0, 100, 200, 300, 400)]
    assert values == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("zeta", "mean"), [(1.0, 0.5013), (1.5, 0.7077), (2.0, 0.8189), (3.0, 0.9138)])
def test_the_mean_factor_over_400_epochs_is_the_published_one(zeta: float, mean: float) -> None:
    assert sum(factors(Schedule(kind="cosine", zeta=zeta), 400)) / 400 == pytest.approx(mean, abs=5.1e-5)


def test_edcs_early_late_schedule_has_its_published_values() -> None:
    schedule = Schedule(kind="cos2", zeta=2)
    values = [schedule.factor(epoch, 300) for epoch in (250, 251, 299)]
    assert values == pytest.approx([0.629410, 0.102804, 0.002098], abs=5e-7)
    assert factors(schedule, 300)[:251] == factors(Schedule(kind="cosine", zeta=2), 300)[:251]


def test_plain_cosine_is_torchs() -> None:
    expected = torch_factors(lambda optimiser: lr_scheduler.CosineAnnealingLR(optimiser, 40), 40)
    assert factors(Schedule(kind="cosine"), 40) == pytest.approx(expected, abs=1e-12)


def test_warm_up_then_cosine_is_torchs_sequence() -> None:
    def build(optimiser: torch.optim.SGD) -> Scheduler:
        warmup = lr_scheduler.LinearLR(optimiser, start_factor=0.01, total_iters=5)
        return lr_scheduler.SequentialLR(optimiser, [warmup, lr_scheduler.CosineAnnealingLR(optimiser, 95)], [5])

    schedule = Schedule(kind="cosine", warmup_epochs=5, warmup_start=0.01)
    assert factors(schedule, 100) == pytest.approx(torch_factors(build, 100), abs=1e-9)
    assert factors(schedule, 100)[:6] == pytest.approx([0.01, 0.208, 0.406, 0.604, 0.802, 1.0])


def test_a_cosine_that_ends_above_zero_is_torchs_with_a_least_rate() -> None:
    def build(optimiser: torch.optim.SGD) -> Scheduler:
        return lr_scheduler.CosineAnnealingLR(optimiser, 40, eta_min=0.01)

    assert factors(Schedule(kind="cosine", end=0.01), 40) == pytest.approx(torch_factors(build, 40), abs=1e-9)
    frepo = Schedule(kind="cosine", warmup_epochs=500, warmup_start=0.0, end=0.01)
    halfway = 0.01 + 0.99 / 2
    assert [frepo.factor(step, 1000) for step in (0, 250, 500, 750)] == pytest.approx([0, 0.5, 1, halfway])
    assert frepo.factor(999, 1000) == pytest.approx(0.01, abs=1e-4)


def test_what_ends_at_zero_is_written_as_before_that_could_be_changed() -> None:
    assert "end" not in Schedule().as_json()
    assert Schedule(end=0.5).as_json()["end"] == 0.5


def test_steps_are_torchs() -> None:
    expected = torch_factors(lambda optimiser: lr_scheduler.StepLR(optimiser, 7, gamma=0.2), 30)
    assert factors(Schedule(kind="step", milestones=(7,), decay=0.2), 30) == pytest.approx(expected)


def test_milestones_are_torchs() -> None:
    expected = torch_factors(lambda optimiser: lr_scheduler.MultiStepLR(optimiser, [16, 18, 19], gamma=0.5), 20)
    assert factors(Schedule(kind="multistep", milestones=(16, 18, 19), decay=0.5), 20) == pytest.approx(expected)


def test_fractions_of_the_run_are_milestones_too() -> None:
    minimax = Schedule(kind="multistep", milestones=(2 / 3, 5 / 6), decay=0.2)
    assert minimax == Schedule.model_validate(minimax.as_json())
    values = [minimax.factor(epoch, 1500) for epoch in (999, 1000, 1249, 1250, 1499)]
    assert values == pytest.approx([1, 0.2, 0.2, 0.04, 0.04])


def test_edcs_linear_branch_is_one_minus_i_over_zeta_n() -> None:
    linear = Schedule(kind="linear", zeta=2)  # what its `cos` really is on ImageNet
    assert [linear.factor(epoch, 300) for epoch in (0, 150, 299)] == pytest.approx([1, 0.75, 0.5016667], abs=5e-8)
    assert factors(Schedule(kind="linear"), 4) == [1, 0.75, 0.5, 0.25]


def test_linear_and_constant() -> None:
    linear = Schedule(kind="linear", zeta=2)
    assert [linear.factor(epoch, 4) for epoch in range(4)] == pytest.approx([1, 0.875, 0.75, 0.625])
    assert factors(Schedule(kind="constant"), 3) == [1, 1, 1]


def test_a_run_that_is_all_warm_up_has_a_rate_in_every_epoch() -> None:
    assert factors(Schedule(warmup_epochs=4, warmup_start=0.2), 4) == pytest.approx([0.2, 0.4, 0.6, 0.8])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "cos"}, "kind = 'cos'"),
        ({"zeta": 0.5}, "zeta = 0.5"),
        ({"kind": "step"}, "'step' takes exactly one milestone"),
        ({"kind": "multistep"}, "'multistep' needs milestones"),
        ({"kind": "step", "milestones": [1.5]}, "1.5 is neither a whole epoch above 0 nor a fraction"),
        ({"kind": "step", "milestones": [0]}, "0 is neither"),
    ],
)
def test_bad_settings_are_one_line_that_names_them(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match="schedule") as caught:
        parse(Schedule, values, where="schedule")
    assert message in str(caught.value)
