"""Optimisers: parameter groups on a real network, and steps against plain torch and closed forms."""

from __future__ import annotations

import copy
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.training.fused import FusedSteps, set_rates
from rd3.training.optimisers import Optimiser


def network() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
        )


def names_by_decay(model: nn.Module, optimiser: FusedSteps) -> dict[float, set[str]]:
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        group["weight_decay"]: {names[id(parameter)] for parameter in group["params"]}
        for group in optimiser.param_groups
    }


def train(model: nn.Module, optimiser: FusedSteps | torch.optim.Optimizer, steps: int) -> None:
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


@pytest.mark.parametrize(
    ("settings", "theirs"),
    [
        ({"kind": "sgd", "lr": 0.1}, torch.optim.SGD),
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4}, torch.optim.SGD),
        ({"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True}, torch.optim.SGD),
        ({"kind": "adam", "lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-6, "weight_decay": 0.1}, torch.optim.Adam),
        ({"kind": "adamw", "lr": 0.01, "weight_decay": 0.1}, torch.optim.AdamW),
    ],
)
@pytest.mark.parametrize("late", [False, True], ids=["all at once", "a layer joins late"])
def test_the_bits_are_those_of_torchs_classes(settings: dict[str, Any], theirs: Any, late: bool) -> None:
    mine, other = network(), network()
    arguments = {key: value for key, value in settings.items() if key != "kind"}
    fused = not (late and settings.get("momentum"))  # torch's fused SGD fails when a layer joins late
    peer = theirs(other.parameters(), foreach=False, fused=fused, **arguments)
    pairs = [(mine, Optimiser(**settings).build(mine)), (other, peer)]
    for model, optimiser in pairs:
        generator = torch.Generator().manual_seed(1)
        for step in range(6):
            optimiser.zero_grad(set_to_none=True)
            for group in optimiser.param_groups:
                group["lr"] = settings["lr"] / (step + 1)
            for name, parameter in model.named_parameters():
                gradient = torch.randn(parameter.shape, generator=generator)
                parameter.grad = None if late and step < 2 and name.startswith("5") else gradient
            if late and step == 3:
                model[0].bias.grad = None
            optimiser.step()
    for first, second in zip(mine.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(first, second, **({"rtol": 0, "atol": 0} if fused else {"rtol": 1e-5, "atol": 1e-6}))


def test_a_training_does_not_import_torchs_compiler() -> None:
    """Which takes longer than a short run; torch's own optimisers import it at their first step."""
    code = (
        "import sys, torch; from rd3.training.optimisers import Optimiser; net = torch.nn.Linear(2, 2);"
        " step = Optimiser(kind='adamw', lr=0.1).build(net); net(torch.ones(1, 2)).sum().backward(); step.step();"
        " sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_rates_are_set_group_by_group() -> None:
    optimiser = Optimiser(kind="adamw", lr=1e-3, weight_decay=0.01, wd_exclude_1d=True).build(network())
    set_rates(optimiser, [0.5, 0.25])
    assert [group["lr"] for group in optimiser.param_groups] == [0.5, 0.25]


def test_gradients_are_forgotten_or_zeroed() -> None:
    model = network()
    optimiser = Optimiser(kind="sgd", lr=0.1).build(model)
    model(torch.ones(2, 3, 8, 8)).sum().backward()
    optimiser.zero_grad(set_to_none=False)
    assert all(not parameter.grad.any() for parameter in model.parameters() if parameter.grad is not None)
    optimiser.zero_grad()
    assert all(parameter.grad is None for parameter in model.parameters())


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
