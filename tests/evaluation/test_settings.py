"""Settings reach the loop under the names that they have in a protocol, and refuse what does not go together."""

from __future__ import annotations

import pytest

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.evaluation.settings import Settings
from rd3.training.recipe import Recipe

USUAL = {
    "labels": "online",
    "epochs": 300,
    "batch_size": 16,
    "optimiser": "adamw",
    "loss": "kl",
    "normalisation": "target",
}
LOOP = {
    "micro_batch": 8,
    "accumulation": "nominal",
    "repeat_last": True,
    "mix_labels": "drawn",
    "static_mix": "logits",
    "hard_phase": (0.25, 0.75),
    "label_input": "original",
    "label_epochs": 30.0,
    "label_draw": "shuffled",
    "double_bn_update": True,
    "ema_buffers": "averaged",
}
LOSS = {"gamma": 0.025, "gt_label": "mixed", "label_smoothing": 0.8, "temperature": 20.0}


def settings(**changes: object) -> Settings:
    return parse(Settings, USUAL | changes, where="test")


def test_every_switch_of_the_loop_is_passed_on() -> None:
    recipe = settings(**LOOP, **LOSS, kl_t2=True).recipe()
    assert {name: getattr(recipe, name) for name in LOOP} == LOOP
    assert set(LOOP) == set(Recipe.later)
    assert {name: getattr(recipe.loss, name) for name in LOSS} == LOSS
    assert recipe.loss.t2


@pytest.mark.parametrize(
    ("changes", "factors"),
    [
        ({"zeta": 2}, {0: 1, 75: 0.961940, 150: 0.853553, 225: 0.691342}),
        ({"schedule": "cos2", "zeta": 2}, {250: 0.629410, 251: 0.102804, 299: 0.002098}),
        ({"schedule": "linear", "zeta": 2}, {0: 1, 150: 0.75, 299: 0.501667}),
        (
            {"schedule": "multistep", "milestones": (2 / 3, 5 / 6), "decay": 0.2},
            {199: 1, 200: 0.2, 249: 0.2, 250: 0.04},
        ),
        ({"schedule": "cosine", "warmup_epochs": 5, "warmup_start": 0.01}, {0: 0.01, 1: 0.208, 5: 1}),
    ],
)
def test_schedules_have_the_values_that_are_printed(changes, factors) -> None:
    schedule = settings(**changes).recipe().schedule
    assert {epoch: schedule.factor(epoch, 300) for epoch in factors} == pytest.approx(factors, abs=5e-7)


@pytest.mark.parametrize(
    ("changes", "epochs"),
    [
        ({}, {299}),
        ({"report": "best"}, {*range(0, 300, 10), 299}),
        ({"report": "best", "report_every": 30}, {0, 30, 60, 90, 120, 150, 180, 210, 240, 270, 299}),
        ({"report": "best", "report_phase": 9}, set(range(9, 300, 10))),
        ({"report": "best-last20", "report_phase": 9}, {249, 259, 269, 279, 289, 299}),  # RDED
        ({"report": "best-last20"}, {250, 260, 270, 280, 290, 299}),
        ({"report": "best", "report_every": 1, "epochs": 4}, {0, 1, 2, 3}),
        ({"report": "best", "report_phase": 12}, {299}),
    ],
)
def test_these_epochs_are_looked_at(changes, epochs) -> None:
    assert settings(**changes).looked_at_epochs() == epochs


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"labels": "static", "label_epochs": 3}, "label_epochs = 3.0: only online labels come in batches to be kept"),
        ({"labels": "hard", "loss": "ce", "label_epochs": 3}, "only online labels come in batches to be kept"),
        ({"labels": "static", "loss": "mse-gt", "mix": {"kind": "mixup"}}, "mse-gt compares numbers"),
        ({"labels": "static", "loss": "mse-centred", "mix": {"kind": "mixup"}}, "mse-centred compares numbers"),
        ({"labels": "online", "loss": "mse-centred"}, "labels = online: loss mse-centred takes static labels"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, complaint) -> None:
    with pytest.raises(UserError, match=complaint):
        settings(**changes)


def test_mse_gt_on_static_logits_needs_no_mixing_of_probabilities() -> None:
    assert settings(labels="static", loss="mse-gt", mix={"kind": "mixup"}, static_mix="logits").soft
    assert settings(labels="static", loss="mse-gt", mix={"kind": "mixup"}, mix_labels="none").soft
