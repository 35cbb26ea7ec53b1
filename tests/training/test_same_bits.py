"""The loop against a training that is written out, bit by bit: steps that are called, and steps on fixed buffers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sklearn.datasets import load_digits
from tests.training.plain import MEAN, STD, plain_training, teacher_logits
from torch import nn

from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.models import create_model
from rd3.training.execution import Execution
from rd3.training.loop import Clock, Normalisation, fit
from rd3.training.recipe import Recipe

ADAMW = {"kind": "adamw", "lr": 0.01, "weight_decay": 0.05, "wd_exclude_1d": True}
SGD = {"kind": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 5e-4}
CROP, FLIP, DSA = {"kind": "random-resized-crop"}, {"kind": "flip"}, {"kind": "dsa"}
KL = {"kind": "kl", "temperature": 20.0}

RECIPES: dict[str, dict[str, Any]] = {
    "decoupled": {"augment": [CROP, FLIP], "mix": {"kind": "cutmix"}, "loss": KL},
    "one batch an epoch": {"augment": [CROP], "mix": {"kind": "cutmix"}, "loss": KL, "batch_size": 70},
    "matching": {"optimiser": SGD, "augment": [DSA], "loss": {"kind": "ce"}, "schedule": {"kind": "constant"}},
    "own operations": {"augment": [DSA | {"per_batch_op": False}, {"kind": "color-jitter"}, {"kind": "lighting"}]},
    "pillow": {"augment": [{"kind": "rand-augment"}, {"kind": "patch-shuffle"}]},
    "squared logits": {"mix": {"kind": "cutmix", "p": 0.5}, "loss": {"kind": "mse-gt", "gamma": 0.1}},
    "mixed hard labels": {"mix": {"kind": "mixup", "alpha": 0.8}, "loss": {"kind": "ce", "label_smoothing": 0.1}},
    "cut hard labels": {"mix": {"kind": "cutmix"}, "loss": {"kind": "ce"}, "optimiser": SGD},
    "soft cross-entropy": {"loss": {"kind": "soft-ce", "temperature": 4.0, "t2": True}, "ema": 0.9},
    "in parts": {"micro_batch": 12, "loss": KL, "augment": [{"kind": "padded-crop", "padding": 1}]},
    "noise": {"augment": [{"kind": "gaussian-noise"}], "optimiser": {"kind": "adam", "lr": 0.01, "weight_decay": 0.1}},
}


@pytest.fixture(scope="module")
def digits() -> MemoryImages:
    data = load_digits()
    pixels = torch.from_numpy((data.images * 255 / 16).round()).to(torch.uint8)[:, None]
    return MemoryImages(pixels[:70], torch.from_numpy(data.target)[:70])


def recipe(name: str, **changes: Any) -> Recipe:
    usual = {"epochs": 3, "batch_size": 32, "optimiser": ADAMW, "schedule": {"kind": "cosine"}, "loss": {"kind": "ce"}}
    return parse(Recipe, usual | RECIPES.get(name, {}) | changes, where=name)


def network(model: str, seed: int) -> nn.Module:
    return create_model(model, classes=10, size=8, channels=1, seed=seed)


def trained(
    images: MemoryImages, chosen: Recipe, *, model: str, execution: Execution, seed: int = 5
) -> tuple[nn.Module, Clock]:
    teacher, student = network("convnet1-bn-w8", 9).eval(), network(model, 3)
    tested: list[nn.Module] = []
    clock = fit(
        *(student, images, chosen),
        normalisation=Normalisation((MEAN,), (STD,)),
        seed=seed,
        soft_labels=lambda pictures, _: teacher_logits(teacher, pictures),
        execution=execution,
        on_epoch=lambda _, network: tested.append(network),
    )
    return tested[-1], clock


def same(first: nn.Module, second: nn.Module) -> None:
    for (name, mine), theirs in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(mine, theirs), name


@pytest.mark.parametrize("graphs", [False, True], ids=["called", "fixed buffers"])
@pytest.mark.parametrize("name", RECIPES)
def test_every_bit_is_the_plain_trainings(digits: MemoryImages, name: str, graphs: bool) -> None:
    model = "convnet1-bn-w8" if name != "matching" else "convnet1-w8"
    teacher, theirs = network("convnet1-bn-w8", 9).eval(), network(model, 3)
    mine, _ = trained(digits, recipe(name), model=model, execution=Execution(graphs=graphs))
    same(mine, plain_training(theirs, digits, recipe(name), seed=5, teacher=teacher))


def test_another_seed_gives_other_bits(digits: MemoryImages) -> None:
    """Or the comparison above would compare nothing."""
    first, second = (
        trained(digits, recipe("decoupled"), model="convnet1-bn-w8", execution=Execution(), seed=seed)[0]
        for seed in (5, 6)
    )
    assert not torch.equal(first.classifier.weight, second.classifier.weight)


@pytest.mark.parametrize("phase", [{"label_epochs": 1.0}, {"hard_phase": [0.0, 0.5]}, {"repeat_last": True}])
def test_fixed_buffers_change_no_bit_of_a_switch(digits: MemoryImages, phase: dict[str, Any]) -> None:
    chosen = recipe("decoupled", **phase)
    called, replayed = (
        trained(digits, chosen, model="convnet1-bn-w8", execution=Execution(graphs=graphs)) for graphs in (False, True)
    )
    same(called[0], replayed[0])
    assert called[1].labelled == replayed[1].labelled > 0


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("pillow", "augmentation rand-augment waits for the host"),
        ("kept", "kept label batches have generators of their own"),
        ("decoupled", None),
    ],
)
def test_what_cannot_be_captured_says_why(digits: MemoryImages, name: str, reason: str | None) -> None:
    chosen = recipe("decoupled", label_epochs=1.0) if name == "kept" else recipe(name)
    assert trained(digits, chosen, model="convnet1-bn-w8", execution=Execution(graphs=True))[1].not_captured == reason
