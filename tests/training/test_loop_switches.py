"""Switches of the loop against plain loops that are written out here."""

from __future__ import annotations

import hashlib

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.models import create_model
from rd3.training.loop import Normalisation, fit
from rd3.training.order import LabelBatches
from rd3.training.recipe import Recipe
from rd3.training.views import view_of

NORMALISATION = Normalisation((0.3,), (0.4,))
MODEL = "convnet1-bn-w8"


@pytest.fixture(scope="module")
def digits() -> MemoryImages:
    data = load_digits()
    pixels = torch.from_numpy((data.images * 255 / 16).round()).to(torch.uint8)[:, None]
    return MemoryImages(pixels[:70], torch.from_numpy(data.target)[:70])


def recipe(**changes: object) -> Recipe:
    values = {
        "epochs": 3,
        "batch_size": 32,
        "optimiser": {"kind": "adamw", "lr": 0.01, "weight_decay": 0.05, "wd_exclude_1d": True},
        "schedule": {"kind": "cosine", "zeta": 2},
        "loss": {"kind": "ce"},
    }
    return parse(Recipe, values | changes, where="test")


def student() -> nn.Module:
    return create_model(MODEL, classes=10, size=8, channels=1, seed=3)


def normalised(pixels: Tensor) -> Tensor:
    return (pixels.float() / 255 - 0.3) / 0.4


# a bias before BatchNorm has no gradient but rounding errors, which Adam blows up; the network's output is the same
UNDETERMINED = {"features.0.bias", "features.1.running_mean"}


def same_weights(first: nn.Module, second: nn.Module) -> None:
    for (name, mine), theirs in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        if name in UNDETERMINED:
            continue
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6, msg=name)


def digest(model: nn.Module) -> str:
    """Of every bit of a network's state."""
    state = b"".join(value.contiguous().numpy().tobytes() for value in model.state_dict().values())
    return hashlib.sha256(state).hexdigest()


def test_static_labels_equal_a_plain_loop(digits: MemoryImages) -> None:
    """Soft labels of Mixup pairs, mixed linearly as probabilities (INFER's static labels)."""
    static = torch.randn(70, 10, generator=torch.Generator().manual_seed(2))
    values = {"mix": {"kind": "mixup", "alpha": 0.8}, "loss": {"kind": "soft-ce", "temperature": 2.0}}
    chosen = recipe(**values, optimiser={"kind": "sgd", "lr": 0.1})
    mine, theirs = student(), student()
    fit(mine, digits, chosen, normalisation=NORMALISATION, seed=5, static_labels=static)
    generator = torch.Generator().manual_seed(5)
    optimiser = torch.optim.SGD(theirs.parameters(), lr=0.1)
    theirs.to(memory_format=torch.channels_last).train()
    assert chosen.mix is not None
    for epoch in range(3):
        optimiser.param_groups[0]["lr"] = 0.1 * chosen.schedule.factor(epoch, 3)
        for ids in torch.randperm(70, generator=generator).split(32):
            draw = chosen.mix.draw(len(ids), 8, generator)
            lam, other = float(draw.lam), ids[draw.partner]
            pictures = lam * digits.pixels[ids] / 255 + (1 - lam) * digits.pixels[other] / 255
            label = lam * (static[ids] / 2).softmax(1) + (1 - lam) * (static[other] / 2).softmax(1)
            loss = -(label * (theirs((pictures - 0.3) / 0.4) / 2).log_softmax(1)).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    same_weights(mine, theirs)


def test_in_the_hard_phase_the_teacher_is_silent_and_labels_are_smoothed(digits: MemoryImages) -> None:
    asked: list[int] = []

    def teacher(pictures: Tensor, _: Tensor) -> Tensor:
        asked.append(epochs_done)
        return torch.zeros(len(pictures), 10)

    def count(epoch: int, _: nn.Module) -> None:
        nonlocal epochs_done
        epochs_done = epoch + 1

    epochs_done = 0
    values = {"epochs": 10, "loss": {"kind": "kl", "label_smoothing": 0.8}, "hard_phase": (0.3, 0.7)}
    fit(
        *(student(), digits, recipe(**values)),
        normalisation=NORMALISATION,
        seed=5,
        soft_labels=teacher,
        on_epoch=count,
    )
    assert sorted(set(asked)) == [0, 1, 2, 7, 8, 9]
    assert [recipe(**values).loss_in(epoch).kind for epoch in (2, 3, 6, 7)] == ["kl", "ce", "ce", "kl"]
    hard, soft = student(), student()  # a phase that is all of the run is a run on smoothed hard labels
    whole = recipe(loss={"kind": "ce", "label_smoothing": 0.8}, mix={"kind": "cutmix"})
    phase = recipe(loss=values["loss"], mix={"kind": "cutmix"}, hard_phase=(0, 1), label_epochs=1)
    fit(hard, digits, whole, normalisation=NORMALISATION, seed=5)
    fit(soft, digits, phase, normalisation=NORMALISATION, seed=5, soft_labels=teacher)
    assert digest(hard) == digest(soft)


@pytest.mark.parametrize("draw", ["replacement", "shuffled"])
def test_a_run_on_kept_labels_equals_a_plain_loop_over_a_store(digits: MemoryImages, draw: str) -> None:
    """Every kept batch is written down once, mixed images and logits; the run only reads them."""
    teacher = create_model(MODEL, classes=10, size=8, channels=1, seed=9).eval()

    def label(pictures: Tensor, _: Tensor) -> Tensor:
        return teacher((pictures - 0.5) / 0.25)

    values = {"label_epochs": 1.5, "label_draw": draw, "mix": {"kind": "cutmix"}, "loss": {"kind": "kl"}}
    chosen = recipe(**values, optimiser={"kind": "sgd", "lr": 0.1})
    mine, theirs = student(), student()
    fit(mine, digits, chosen, normalisation=NORMALISATION, seed=5, soft_labels=label)
    pool = LabelBatches(70, chosen, seed=5, device=torch.device("cpu"))
    images = [view_of(digits, pool[k], chosen, NORMALISATION).pictures for k in range(4)]
    with torch.no_grad():
        store = [(pictures, label(pictures, pool[k].indices)) for k, pictures in enumerate(images)]
    generator, deck = torch.Generator().manual_seed(5), list[int]()
    optimiser = torch.optim.SGD(theirs.parameters(), lr=0.1)
    theirs.to(memory_format=torch.channels_last).train()
    for epoch in range(3):
        optimiser.param_groups[0]["lr"] = 0.1 * chosen.schedule.factor(epoch, 3)
        numbers = torch.randint(4, (3,), generator=generator).tolist() if draw == "replacement" else []
        while len(numbers) < 3:
            deck = deck or torch.randperm(4, generator=generator).tolist()
            numbers.append(deck.pop())
        for number in numbers:
            pictures, logits = store[number]
            output = theirs((pictures - 0.3) / 0.4).log_softmax(1)
            loss = nn.functional.kl_div(output, logits.softmax(1), reduction="batchmean")
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    same_weights(mine, theirs)


@pytest.mark.parametrize("buffers", ["online", "averaged"])
def test_an_averaged_network_has_the_buffers_that_are_asked_for(digits: MemoryImages, buffers: str) -> None:
    seen: list[Tensor] = []
    online = student()
    chosen = recipe(epochs=1, batch_size=70, ema=0.9, ema_buffers=buffers)
    fit(
        *(online, digits, chosen),
        normalisation=NORMALISATION,
        seed=5,
        on_epoch=lambda _, network: seen.append(network.features[1].running_var),  # type: ignore[union-attr,index]
    )
    now: Tensor = online.features[1].running_var  # type: ignore[union-attr,index,assignment]
    torch.testing.assert_close(seen[0], now if buffers == "online" else 0.9 * torch.ones(8) + 0.1 * now)
