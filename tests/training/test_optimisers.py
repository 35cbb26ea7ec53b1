"""Optimisers: parameter groups on a real network, and steps against plain torch and closed forms."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.training.optimisers import Optimiser


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
        )


def names_by_decay(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[float, set[str]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        group["weight_decay"]: {names[id(parameter)] for parameter in group["params"]}
        for group in optimiser.param_groups
    }


def train(model: nn.Module, optimiser: torch.optim.Optimizer, steps: int) -> None:
    """Steps along drawn gradients: a network's own would be noise before a BatchNorm, and Adam enlarges noise."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        for parameter in model.parameters():
            parameter.grad = torch.randn(parameter.shape, generator=generator)
        optimiser.step()


def test_decay_excludes_biases_and_normalisation() -> None:
    model = network()
    optimiser = Optimiser(kind="adamw", lr=1e-3, weight_decay=0.01, wd_exclude_1d=True).build(model)
    assert names_by_decay(model, optimiser) == {
        0.01: {"0.weight", "5.weight"},
        0.0: {"0.bias", "1.weight", "1.bias", "5.bias"},
    }


def test_decay_covers_every_trainable_parameter_otherwise() -> None:
    model = network()
    model[0].requires_grad_(False)
    optimiser = Optimiser(kind="sgd", lr=0.1, weight_decay=5e-4).build(model)
    assert names_by_decay(model, optimiser) == {5e-4: {"1.weight", "1.bias", "5.weight", "5.bias"}}


@pytest.mark.parametrize(
    ("settings", "plain"),
    [
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}, torch.optim.SGD),
        ({"kind": "adam", "lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1}, torch.optim.Adam),
        ({"kind": "adamw", "lr": 0.01, "weight_decay": 0.1}, torch.optim.AdamW),
    ],
)
def test_twenty_steps_are_those_of_torchs_plain_loop(settings: dict[str, Any], plain: Any) -> None:
    ours, theirs = network(), network()
    train(ours, Optimiser(**settings).build(ours), 20)
    arguments = {key: value for key, value in settings.items() if key != "kind"}
    train(theirs, plain(theirs.parameters(), foreach=False, fused=False, **arguments), 20)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)


def test_the_first_adamw_step_moves_by_the_rate_and_decays_only_matrices() -> None:
    model = network()
    before = copy.deepcopy(model)
    train(model, Optimiser(kind="adamw", lr=0.01, weight_decay=0.5, wd_exclude_1d=True).build(model), 1)
    for mine, start in zip(model.parameters(), before.parameters(), strict=True):
        assert mine.grad is not None
        kept = 1 - 0.01 * 0.5 if mine.ndim > 1 else 1
        # With bias correction the first step is lr * sign(gradient), up to eps.
        torch.testing.assert_close(mine, start * kept - 0.01 * mine.grad.sign(), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "sdg", "lr": 0.1}, "kind = 'sdg'"),
        ({"kind": "sgd"}, "key 'lr' is missing"),
        ({"kind": "sgd", "lr": 0}, "lr = 0"),
        ({"kind": "sgd", "lr": 0.1, "nesterov": True}, "needs momentum > 0"),
        ({"kind": "adam", "lr": 0.1, "betas": [0.9, 1.0]}, "allowed is 0 <= beta < 1"),
    ],
)
def test_bad_settings_are_one_line_that_names_them(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match="optimiser") as caught:
        parse(Optimiser, values, where="optimiser")
    assert message in str(caught.value)
