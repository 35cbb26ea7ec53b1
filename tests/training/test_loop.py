"""The loop against plain loops that are written out here."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn

from rd3.base.spec import parse
from rd3.data.images import MemoryImages
from rd3.data.streamed import StreamedImages
from rd3.models import create_model
from rd3.training.accuracy import correctness
from rd3.training.loop import Normalisation, fit
from rd3.training.recipe import Recipe

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


def plain_loop(model: nn.Module, images: MemoryImages, *, teacher: nn.Module | None, seed: int) -> None:
    """AdamW with decay on matrices only, smoothed cosine per epoch, hard labels or KL at T = 20 on CutMix."""
    matrices = [p for name, p in model.named_parameters() if "weight" in name and p.ndim > 1]
    others = [p for name, p in model.named_parameters() if not ("weight" in name and p.ndim > 1)]
    optimiser = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}], lr=0.01, foreach=False
    )
    generator = torch.Generator().manual_seed(seed)
    model.to(memory_format=torch.channels_last).train()
    for epoch in range(3):
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * (1 + math.cos(math.pi * epoch / (2 * 3))) / 2
        order = torch.randperm(len(images), generator=generator)
        for start in range(0, len(images), 32):
            ids = order[start : start + 32]
            pictures = images.pixels[ids].float() / 255
            if teacher is None:
                loss = nn.functional.cross_entropy(model(normalised(images.pixels[ids])), images.labels[ids])
            else:
                draw = CUTMIX.draw(len(ids), 8, generator)
                top, bottom, left, right = (int(edge) for edge in draw.box)
                mixed = pictures.clone()
                mixed[:, :, top:bottom, left:right] = pictures[draw.partner][:, :, top:bottom, left:right]
                with torch.no_grad():
                    soft = (teacher((mixed - 0.5) / 0.25) / 20).softmax(1)
                log_q = (model((mixed - 0.3) / 0.4) / 20).log_softmax(1)
                loss = (soft * (soft.log() - log_q)).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()


CUTMIX = recipe(mix={"kind": "cutmix", "alpha": 1.0}).mix
assert CUTMIX is not None


# a bias before BatchNorm has no gradient but rounding errors, which Adam blows up; the network's output is the same
UNDETERMINED = {"features.0.bias", "features.1.running_mean"}


def same_weights(first: nn.Module, second: nn.Module) -> None:
    for (name, mine), theirs in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        if name in UNDETERMINED:
            continue
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6, msg=name)


def test_hard_labels_equal_a_plain_loop(digits: MemoryImages) -> None:
    mine, theirs = student(), student()
    fit(mine, digits, recipe(), normalisation=NORMALISATION, seed=5)
    plain_loop(theirs, digits, teacher=None, seed=5)
    same_weights(mine, theirs)


def test_online_labels_on_cutmix_equal_a_plain_loop(digits: MemoryImages) -> None:
    teacher = create_model(MODEL, classes=10, size=8, channels=1, seed=9).eval()
    mine, theirs = student(), student()
    soft = recipe(mix={"kind": "cutmix", "alpha": 1.0}, loss={"kind": "kl", "temperature": 20.0})
    fit(
        mine,
        digits,
        soft,
        normalisation=NORMALISATION,
        seed=5,
        soft_labels=lambda pictures, _: teacher((pictures - 0.5) / 0.25),
    )
    plain_loop(theirs, digits, teacher=teacher, seed=5)
    same_weights(mine, theirs)


@pytest.mark.parametrize("model", [MODEL, "convnet1-w8"])
def test_without_switches_the_bits_are_those_of_the_plainest_loop(digits: MemoryImages, model: str) -> None:
    """Written out with torch alone: shuffle, shift, mirror, CutMix, label, normalise, step. No bit may change."""
    shift, mirror = ({"kind": "padded-crop", "padding": 1}, {"kind": "flip"})
    soft = recipe(augment=[shift, mirror], mix={"kind": "cutmix"}, loss={"kind": "kl", "temperature": 20.0})
    teacher = create_model(MODEL, classes=10, size=8, channels=1, seed=9).eval()
    mine, theirs = (create_model(model, classes=10, size=8, channels=1, seed=3) for _ in range(2))
    fit(
        *(mine, digits, soft),
        normalisation=NORMALISATION,
        seed=5,
        soft_labels=lambda pictures, _: teacher((pictures - 0.5) / 0.25),
    )
    generator = torch.Generator().manual_seed(5)
    theirs.to(memory_format=torch.channels_last).train()
    matrices = [p for name, p in theirs.named_parameters() if "weight" in name and p.ndim > 1]
    others = [p for name, p in theirs.named_parameters() if not ("weight" in name and p.ndim > 1)]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=0.01, fused=True)
    for epoch in range(3):
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * ((1 + math.cos(math.pi * (epoch / 3) / 2)) / 2)
        for ids in torch.randperm(70, generator=generator).split(32):
            pictures = digits.pixels[ids].float() / 255
            for operation in soft.augment:
                draw = operation.draw(len(ids), 8, generator)
                pictures = operation.apply(pictures, draw, mean=(0.3,), std=(0.4,))
            box = CUTMIX.draw(len(ids), 8, generator)
            top, bottom, left, right = (int(edge) for edge in box.box)
            mixed = pictures.clone()
            mixed[:, :, top:bottom, left:right] = pictures[box.partner][:, :, top:bottom, left:right]
            with torch.no_grad():
                target = (teacher((mixed - 0.5) / 0.25) / 20).log_softmax(1)
            output = (theirs((mixed - 0.3) / 0.4) / 20).log_softmax(1)
            loss = nn.functional.kl_div(output, target, reduction="batchmean", log_target=True)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    assert digest(mine) == digest(theirs)


def digest(model: nn.Module) -> str:
    """Of every bit of a network's state."""
    state = b"".join(value.contiguous().numpy().tobytes() for value in model.state_dict().values())
    return hashlib.sha256(state).hexdigest()


def test_dropout_draws_from_the_run_s_seed_and_the_global_generator_stays_as_it_was(digits: MemoryImages) -> None:
    def trained(seed: int, disturbance: int) -> str:
        torch.manual_seed(disturbance)
        model = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 10))
        model[2].load_state_dict({"weight": torch.zeros(10, 64), "bias": torch.zeros(10)})
        before = torch.get_rng_state()
        fit(model, digits, recipe(), normalisation=NORMALISATION, seed=seed)
        assert torch.equal(torch.get_rng_state(), before)
        return digest(model)

    assert trained(5, disturbance=1) == trained(5, disturbance=2)
    assert trained(5, disturbance=1) != trained(6, disturbance=1)


def test_equal_seeds_give_equal_bits_and_others_do_not(digits: MemoryImages) -> None:
    models = [student() for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        fit(model, digits, recipe(), normalisation=NORMALISATION, seed=seed)
    weights = [torch.cat([p.flatten() for p in model.parameters()]) for model in models]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize(("drop_last", "steps"), [(False, 9), (True, 6)])
def test_steps_are_counted_as_they_are_done(digits: MemoryImages, drop_last: bool, steps: int) -> None:
    asked = []

    def label(pictures: Tensor, _: Tensor) -> Tensor:
        asked.append(len(pictures))
        return torch.zeros(len(pictures), 10)

    soft = recipe(loss={"kind": "kl"}, drop_last=drop_last)
    fit(student(), digits, soft, normalisation=NORMALISATION, seed=1, soft_labels=label)
    assert len(asked) == steps == soft.steps(len(digits))


def test_an_averaged_network_is_reported_and_the_trained_one_goes_on(digits: MemoryImages) -> None:
    seen: list[nn.Module] = []
    trained = student()
    averaging = recipe(ema=0.9)
    fit(
        trained,
        digits,
        averaging,
        normalisation=NORMALISATION,
        seed=5,
        on_epoch=lambda _, network: seen.append(network),
    )
    plain = student()
    fit(plain, digits, recipe(), normalisation=NORMALISATION, seed=5)
    same_weights(trained, plain)
    reported, last = next(seen[-1].parameters()), next(trained.parameters())
    assert not torch.equal(reported, last)


def test_accuracy_is_the_share_of_right_answers_whatever_the_chunks(
    digits: MemoryImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = student()
    fit(model, digits, recipe(epochs=20), normalisation=NORMALISATION, seed=5)
    with torch.no_grad():
        expected = model.eval()(normalised(digits.pixels)).argmax(1) == digits.labels
    assert torch.equal(correctness(model, digits, normalisation=NORMALISATION), expected)
    monkeypatch.setattr("rd3.training.accuracy.CHUNK_VALUES", {"cpu": 1})  # 32 images a chunk, the least
    assert torch.equal(correctness(model, digits, normalisation=NORMALISATION), expected)
    assert 0.5 < float(expected.float().mean()) <= 1


def test_pictures_decoded_batch_by_batch_train_the_same_network(digits: MemoryImages, tmp_path: Path) -> None:
    for number, picture in enumerate(digits.pixels[:, 0]):
        Image.fromarray(picture.numpy()).save(tmp_path / f"{number:02d}.png")
    names = [f"{number:02d}.png" for number in range(len(digits))]
    streamed = StreamedImages(tmp_path, names, digits.labels, shape=(1, 8, 8), resize=False)
    models = [student(), student()]
    for model, images in zip(models, (digits, streamed), strict=True):
        fit(model, images, recipe(mix={"kind": "cutmix"}), normalisation=NORMALISATION, seed=5)
    for mine, theirs in zip(*(model.state_dict().values() for model in models), strict=True):
        assert torch.equal(mine, theirs)


@pytest.mark.parametrize("average", [{}, {"ema": 0.9}])
def test_which_epochs_are_reported_changes_no_bit(digits: MemoryImages, average: dict[str, float]) -> None:
    seen: dict[str, list[tuple[int, Tensor]]] = {}
    for name, reported in (("all", None), ("some", {0, 2})):
        looks = seen.setdefault(name, [])
        fit(
            *(student(), digits, recipe(**average)),
            normalisation=NORMALISATION,
            seed=0,
            on_epoch=lambda epoch, network, looks=looks: looks.append((epoch, network.classifier.weight.clone())),
            reported=reported,
        )
    assert [epoch for epoch, _ in seen["all"]] == [0, 1, 2]
    assert [epoch for epoch, _ in seen["some"]] == [0, 2]
    assert all(torch.equal(one[1], seen["all"][one[0]][1]) for one in seen["some"])
