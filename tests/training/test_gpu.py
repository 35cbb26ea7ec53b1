"""Captured steps on a GPU: the draws and, in float32, the weights of called ones; no host waits inside an epoch."""

from __future__ import annotations

import copy
from statistics import fmean

import pytest
import torch
from torch import nn

import rd3
from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.models import create_model
from rd3.training.accuracy import correctness
from rd3.training.device import prepare_process
from rd3.training.execution import PLAIN, Execution
from rd3.training.loop import Clock, Normalisation, fit
from rd3.training.recipe import Recipe

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),  # of kernels that have no deterministic form
]
AUGMENT = [{"kind": "random-resized-crop"}, {"kind": "flip"}]
TOLERANCE = 0.02  # of the mean accuracy over seeds


@pytest.fixture(scope="module", autouse=True)
def as_in_a_worker() -> None:
    """Deterministic kernels: Adam makes a last bit a step of its own."""
    prepare_process(torch.device("cuda"))


@pytest.fixture(scope="module")
def digits() -> Target:
    return rd3.load_target("digits")


def trained(
    target: Target, execution: Execution, *, device: str = "cuda", seed: int = 0, **changes: object
) -> tuple[nn.Module, float, Clock]:
    values = {
        "epochs": 12,
        "batch_size": 64,  # of 200: the last batch is shorter, and has a graph of its own
        "optimiser": {"kind": "adamw", "lr": 0.01, "weight_decay": 0.01},
        "schedule": {"kind": "cosine"},
        "augment": AUGMENT,
        "mix": {"kind": "cutmix"},
        "loss": {"kind": "kl", "temperature": 4.0},
    }
    teacher = create_model("convnet1-bn-w16", classes=10, size=8, channels=1, seed=99).eval().to(device)
    model = create_model("convnet2-bn-w16", classes=10, size=8, channels=1, seed=seed).to(device)
    images = MemoryImages(target.train.batch(torch.arange(200)), target.train.labels[:200]).to(torch.device(device))
    normalisation = Normalisation(target.mean, target.std)
    clock = fit(
        *(model, images, Recipe(**values | changes)),
        normalisation=normalisation,
        seed=seed,
        soft_labels=lambda pictures, _: teacher(pictures),
        execution=execution,
    )
    test = target.test.to(torch.device(device))
    right = correctness(model, test, normalisation=normalisation, execution=execution)
    return model, float(right.float().mean()), clock


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_captured_steps_give_the_weights_of_called_ones(digits: Target, optimiser: str) -> None:
    momentum = {"momentum": 0.9, "nesterov": True} if optimiser == "sgd" else {}
    changes = {"optimiser": {"kind": optimiser, "lr": 0.01, **momentum}}
    called, _, _ = trained(digits, Execution(), **changes)
    captured, _, clock = trained(digits, Execution(graphs=True), **changes)
    assert clock.not_captured is None
    for (name, mine), theirs in zip(called.state_dict().items(), captured.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4, msg=name)


def test_labels_are_counted_through_replays(digits: Target) -> None:
    assert trained(digits, Execution(graphs=True))[2].labelled == trained(digits, Execution())[2].labelled == 12 * 200


def test_bfloat16_and_the_cpu_agree_within_the_tolerance_over_seeds(digits: Target) -> None:
    hard = {"loss": {"kind": "ce"}, "epochs": 25, "augment": []}
    means = [
        fmean(trained(digits, execution, device=device, seed=seed, **hard)[1] for seed in range(8))
        for device, execution in (
            ("cpu", PLAIN),
            ("cuda", Execution(graphs=True)),
            ("cuda", Execution("bfloat16", True)),
        )
    ]
    assert max(means) - min(means) < TOLERANCE


def test_no_host_waits_for_the_device_inside_an_epoch(digits: Target) -> None:
    """Called steps raise at the first synchronisation that torch sees; the first epoch may make its constants."""
    device = torch.device("cuda")
    images = MemoryImages(digits.train.batch(torch.arange(128)), digits.train.labels[:128]).to(device)
    model = create_model("convnet2-bn-w16", classes=10, size=8, channels=1, seed=0).to(device)
    chosen = Recipe(
        epochs=4,
        batch_size=64,
        optimiser={"kind": "adamw", "lr": 0.01},
        schedule={"kind": "cosine"},
        augment=[*AUGMENT, {"kind": "dsa"}, {"kind": "color-jitter"}, {"kind": "lighting"}, {"kind": "patch-shuffle"}],
        mix={"kind": "cutmix", "p": 0.5},
        loss={"kind": "ce"},
    )
    try:
        fit(
            *(model, images, chosen),
            normalisation=Normalisation(digits.mean, digits.std),
            seed=0,
            on_epoch=lambda *_: torch.cuda.set_sync_debug_mode("error"),
        )
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_a_network_that_waits_for_the_host_is_trained_all_the_same(digits: Target) -> None:
    class Waits(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = create_model("convnet2-bn-w16", classes=10, size=8, channels=1, seed=0)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return self.inner(images) * (1.0 if float(images.mean()) < 1e9 else 0.0)

    device = torch.device("cuda")
    images = MemoryImages(digits.train.batch(torch.arange(128)), digits.train.labels[:128]).to(device)
    chosen = Recipe(epochs=4, batch_size=64, optimiser={"kind": "adamw", "lr": 0.01}, schedule={}, loss={"kind": "ce"})
    first = Waits().to(device)
    second = copy.deepcopy(first)
    normalisation = Normalisation(digits.mean, digits.std)
    clock = fit(first, images, chosen, normalisation=normalisation, seed=0, execution=Execution(graphs=True))
    fit(second, images, chosen, normalisation=normalisation, seed=0)
    assert clock.not_captured is not None
    torch.testing.assert_close(first.inner.classifier.weight, second.inner.classifier.weight, rtol=1e-3, atol=1e-4)
