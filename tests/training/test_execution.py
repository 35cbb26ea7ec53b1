"""Precision: what bfloat16 costs in accuracy, over seeds; who says which one is used."""

from __future__ import annotations

import threading
from statistics import fmean

import pytest
import torch
from torch import nn

import rd3
from rd3.base.errors import UserError
from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.models import create_model
from rd3.training.accuracy import correctness
from rd3.training.device import environment
from rd3.training.execution import (
    PLAIN,
    Execution,
    ask_for,
    asked_precision,
    execution_on,
    precision_asked_for,
    require_precision,
)
from rd3.training.loop import Normalisation, fit
from rd3.training.recipe import Recipe

CPU = torch.device("cpu")
HALF = Execution("bfloat16")
TOLERANCE = 0.02  # of the mean accuracy over seeds; a run's own differences are larger, as other seeds' are


@pytest.fixture(scope="module")
def digits() -> Target:
    return rd3.load_target("digits")


def trained(target: Target, seed: int, execution: Execution) -> tuple[nn.Module, float]:
    chosen = Recipe(
        epochs=25,
        batch_size=50,
        optimiser={"kind": "adamw", "lr": 0.01, "weight_decay": 0.01},
        schedule={"kind": "cosine"},
        mix={"kind": "cutmix"},
        loss={"kind": "ce"},
    )
    normalisation = Normalisation(target.mean, target.std)
    images = MemoryImages(target.train.batch(torch.arange(200)), target.train.labels[:200])
    model = create_model("convnet1-bn-w16", classes=10, size=8, channels=1, seed=seed)
    fit(model, images, chosen, normalisation=normalisation, seed=seed, execution=execution)
    right = correctness(model, target.test, normalisation=normalisation, execution=execution)
    return model, float(right.float().mean())


def test_bfloat16_gives_the_accuracy_of_float32_within_the_tolerance_over_seeds(digits: Target) -> None:
    pairs = [[trained(digits, seed, execution)[1] for execution in (PLAIN, HALF)] for seed in range(6)]
    exact, half = (fmean(values) for values in zip(*pairs, strict=True))
    assert exact > 0.8
    assert abs(exact - half) < TOLERANCE


def test_bfloat16_is_used_in_the_forward_pass_and_weights_stay_float32(digits: Target) -> None:
    (exact, _), (half, _) = (trained(digits, 0, execution) for execution in (PLAIN, HALF))
    assert {value.dtype for value in half.parameters()} == {torch.float32}
    assert not torch.equal(exact.classifier.weight, half.classifier.weight)
    images = torch.rand(4, 1, 8, 8)
    logits, rounded = PLAIN.forward(half, images), HALF.forward(half, images)
    assert rounded.dtype == torch.float32
    assert torch.equal(rounded, rounded.bfloat16().float())
    torch.testing.assert_close(rounded, logits, rtol=0.05, atol=0.1)


def test_a_cpu_computes_in_float32_unless_asked() -> None:
    assert execution_on(CPU) == PLAIN
    with precision_asked_for("bfloat16"):
        assert execution_on(CPU) == HALF
        with precision_asked_for(None):
            assert execution_on(CPU) == PLAIN
    assert asked_precision() is None


def test_a_gpu_computes_in_bfloat16_with_captured_steps_unless_asked() -> None:
    gpu = torch.device("cuda")  # a name: nothing is run on it
    assert execution_on(gpu) == Execution("bfloat16", graphs=True)
    with precision_asked_for("float32"):
        assert execution_on(gpu) == Execution("float32", graphs=True)


def test_a_worker_is_asked_for_all_that_it_does() -> None:
    found = []

    def work() -> None:
        ask_for("bfloat16")
        found.append(execution_on(CPU))

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    assert found == [HALF]
    assert asked_precision() is None


def test_the_environment_says_how_a_run_was_carried_out() -> None:
    assert "precision" not in environment(CPU)
    assert environment(CPU, PLAIN)["precision"] == "float32"
    captured = environment(CPU, Execution("bfloat16", graphs=True))
    assert (captured["precision"], captured["steps"]) == ("bfloat16", "captured")
    assert environment(CPU, Execution(graphs=True), not_captured="x waits")["steps"] == "called: x waits"


def test_precisions_are_named() -> None:
    assert (require_precision(None), require_precision("float32")) == (None, "float32")
    with pytest.raises(UserError, match="precision = float16: allowed is float32 or bfloat16"):
        require_precision("float16")
