"""Soft labels of batches: mixing of static ones, what a teacher is shown, and labels that come again."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax
from torch import Tensor

from rd3.base.spec import parse
from rd3.data.load import load_target
from rd3.training import labelling
from rd3.training.labelling import Labeller, mixed_logits
from rd3.training.order import Batch, LabelBatches
from rd3.training.recipe import Recipe
from rd3.training.views import Normalisation, View, view_of

NORMALISATION = Normalisation((0.3,), (0.4,))


def recipe(**changes: object) -> Recipe:
    values = {
        "epochs": 1,
        "batch_size": 16,
        "optimiser": {"kind": "sgd", "lr": 1},
        "schedule": {},
        "mix": {"kind": "cutmix"},
        "loss": {"kind": "kl", "temperature": 4.0},
    }
    return parse(Recipe, values | changes, where="test")


@pytest.fixture(scope="module")
def static() -> Tensor:
    return 5 * torch.randn(40, 10, generator=torch.Generator().manual_seed(1))


def shown(chosen: Recipe, seed: int = 0) -> tuple[View, Batch]:
    batch = Batch(torch.randperm(40, generator=torch.manual_seed(9))[:16], torch.Generator().manual_seed(seed))
    return view_of(load_target("digits").train, batch, chosen, NORMALISATION), batch


def expected_weight(chosen: Recipe, how: str, seed: int = 0) -> tuple[float, Tensor]:
    """What the batch of `shown` weighs its own labels with, and the places of the partners."""
    assert chosen.mix is not None
    draw = chosen.mix.draw(16, 8, torch.Generator().manual_seed(seed))
    top, bottom, left, right = draw.box.tolist()
    drawn = float(draw.lam)
    area = 1 - (bottom - top) * (right - left) / 64 if chosen.mix.kind == "cutmix" else drawn
    assert chosen.mix.kind == "mixup" or area != pytest.approx(drawn)
    return {"area": area, "drawn": drawn, "none": 1.0}[how], draw.partner


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_mixed_probabilities_are_the_weighted_mean_of_softmaxes(static: Tensor, weight: float) -> None:
    own, partner = static[:20], static[20:]
    logits = mixed_logits(own, partner, torch.tensor(weight), how="probabilities", temperature=4.0)
    p, q = (softmax(z.double().numpy() / 4, axis=1) for z in (own, partner))
    np.testing.assert_allclose(softmax(logits.double().numpy() / 4, axis=1), weight * p + (1 - weight) * q, atol=1e-6)


def test_mixed_logits_are_their_weighted_mean(static: Tensor) -> None:
    own, partner = static[:20], static[20:]
    logits = mixed_logits(own, partner, torch.tensor(0.3), how="logits", temperature=4.0)
    np.testing.assert_allclose(logits.numpy(), 0.3 * own.numpy() + 0.7 * partner.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mix", ["cutmix", "mixup"])
@pytest.mark.parametrize("how", ["area", "drawn", "none"])
def test_static_labels_are_mixed_like_the_images(static: Tensor, mix: str, how: str) -> None:
    chosen = recipe(mix={"kind": mix}, mix_labels=how, static_mix="logits")
    view, batch = shown(chosen)
    logits = Labeller(chosen, online=None, static=static)(view, batch)
    weight, partner = expected_weight(chosen, how)
    own = static[batch.indices]
    torch.testing.assert_close(logits, weight * own + (1 - weight) * own[partner])


@pytest.mark.parametrize("mix", ["cutmix", "mixup"])
@pytest.mark.parametrize("how", ["area", "drawn"])
def test_hard_labels_weigh_as_asked(mix: str, how: str) -> None:
    chosen = recipe(mix={"kind": mix}, mix_labels=how, loss={"kind": "ce"})
    view, batch = shown(chosen)
    weight, partner = expected_weight(chosen, how)
    assert view.labels.weight is not None
    assert view.labels.partner is not None
    assert float(view.labels.weight) == pytest.approx(weight)
    assert torch.equal(view.labels.partner, load_target("digits").train.labels[batch.indices[partner]])


def test_unmixed_labels_have_no_partner() -> None:
    view, _ = shown(recipe(mix_labels="none", loss={"kind": "ce"}))
    assert view.labels.partner is view.labels.weight is view.partner is None
    assert not torch.equal(view.pictures, view.unmixed)


@pytest.mark.parametrize("mix", ["cutmix", "mixup"])
def test_a_teacher_is_shown_the_mixed_images_or_those_before_mixing(mix: str) -> None:
    seen: list[Tensor] = []

    def teacher(pictures: Tensor, _: Tensor) -> Tensor:
        seen.append(pictures)
        return torch.zeros(len(pictures), 10)

    for label_input in ("mixed", "original"):
        chosen = recipe(mix={"kind": mix}, label_input=label_input)
        view, batch = shown(chosen)
        Labeller(chosen, online=teacher, static=None)(view, batch)
    plain = load_target("digits").train.batch(batch.indices).float() / 255
    assert torch.equal(seen[0], view.pictures)
    assert torch.equal(seen[1], plain)
    assert not torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("memory", [2**28, 3 * 16 * 10 * 4, 0])
def test_labels_that_come_again_are_the_same_whether_they_fit_the_memory_or_not(
    memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labelling, "REMEMBERED_BYTES", memory)
    asked = []
    projection = torch.randn(64, 10, generator=torch.Generator().manual_seed(2))

    def teacher(pictures: Tensor, _: Tensor) -> Tensor:
        asked.append(len(pictures))
        return pictures.flatten(1) @ projection

    chosen = recipe(label_epochs=2)
    pool = LabelBatches(48, chosen, seed=3, device=torch.device("cpu"))
    images = load_target("digits").train
    labeller = Labeller(chosen, online=teacher, static=None)
    drawn = [0, 5, 0, 3, 5, 1, 0]
    labels = [labeller(view_of(images, pool[k], chosen, NORMALISATION), pool[k]) for k in drawn]
    expected = [teacher(view_of(images, pool[k], chosen, NORMALISATION).pictures, pool[k].indices) for k in drawn]
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(labels, expected, strict=True))
    remembered = min(4, memory // (16 * 10 * 4))  # the first of 4 different ones
    kept = {0, 5, 3, 1} if remembered == 4 else {0, 5, 3} if remembered == 3 else set()
    assert len(asked) - len(drawn) == sum(k not in kept or k not in drawn[:place] for place, k in enumerate(drawn))
