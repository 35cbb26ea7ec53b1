"""Gradients of a batch in parts, against autograd on the whole batch and closed forms of BatchNorm's averages."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.base.spec import parse
from rd3.data.load import load_target
from rd3.models import create_model
from rd3.training.losses import Labels
from rd3.training.recipe import Recipe
from rd3.training.step import add_gradients

WITHOUT_BATCH_NORM = "convnet1-w8"
WITH_BATCH_NORM = "convnet1-bn-w8"
FULL = 32


def recipe(**changes: object) -> Recipe:
    values = {"epochs": 1, "batch_size": FULL, "optimiser": {"kind": "sgd", "lr": 1}, "schedule": {}}
    return parse(Recipe, {**values, "loss": {"kind": "ce"}, **changes}, where="test")


def network(name: str) -> nn.Module:
    return create_model(name, classes=10, size=8, channels=1, seed=3).train()


@pytest.fixture(scope="module")
def digits() -> tuple[Tensor, Tensor]:
    train = load_target("digits").train
    return train.batch(torch.arange(FULL)).float() / 255, train.labels[:FULL]


def gradients(model: nn.Module, inputs: Tensor, labels: Labels, chosen: Recipe) -> list[Tensor]:
    model.zero_grad()
    add_gradients(model, inputs, labels, loss=chosen.loss, recipe=chosen)
    return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]


def plain_gradients(model: nn.Module, inputs: Tensor, labels: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(F.cross_entropy(model(inputs), labels), list(model.parameters())))


def close(mine: list[Tensor], theirs: list[Tensor]) -> None:
    for first, second in zip(mine, theirs, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("count", [FULL, 21])
@pytest.mark.parametrize("part", [1, 8, 13, FULL])
def test_the_mean_over_parts_is_the_whole_batch_s_gradient(digits, count: int, part: int) -> None:
    inputs, labels = digits[0][:count], digits[1][:count]
    model = network(WITHOUT_BATCH_NORM)
    expected = plain_gradients(model, inputs, labels)
    close(gradients(model, inputs, Labels(labels), recipe(micro_batch=part)), expected)


def test_labels_are_cut_like_the_images(digits) -> None:
    inputs, hard = digits
    model = network(WITHOUT_BATCH_NORM)
    labels = Labels(hard, hard.flip(0), torch.tensor(0.3), torch.randn(FULL, 10, generator=torch.manual_seed(0)))
    for loss in ({"kind": "ce", "label_smoothing": 0.1}, {"kind": "kl", "gamma": 0.5, "gt_label": "mixed"}):
        whole = gradients(model, inputs, labels, recipe(loss=loss))
        close(gradients(model, inputs, labels, recipe(loss=loss, micro_batch=5)), whole)


def test_nominal_divides_by_the_parts_of_a_full_batch(digits) -> None:
    model = network(WITHOUT_BATCH_NORM)
    nominal = recipe(micro_batch=8, accumulation="nominal")
    inputs, labels = digits[0][:6], digits[1][:6]  # a short last batch: one part in place of four
    expected = [gradient / 4 for gradient in plain_gradients(model, inputs, labels)]
    close(gradients(model, inputs, Labels(labels), nominal), expected)
    inputs, labels = digits[0][:20], digits[1][:20]  # parts of 8, 8 and 4 images, each with its own mean
    each = [plain_gradients(model, inputs[k : k + 8], labels[k : k + 8]) for k in (0, 8, 16)]
    close(gradients(model, inputs, Labels(labels), nominal), [sum(g) / 4 for g in zip(*each, strict=True)])


def test_nominal_counts_the_parts_of_the_batch_size_that_a_small_set_does_not_fill(digits) -> None:
    model = network(WITHOUT_BATCH_NORM)
    inputs, labels = digits[0][:10], digits[1][:10]  # all images there are; 5 parts of 8 are in 40, 2 of them here
    each = [plain_gradients(model, inputs[part], labels[part]) for part in (slice(8), slice(8, 10))]
    found = gradients(model, inputs, Labels(labels), recipe(batch_size=40, micro_batch=8, accumulation="nominal"))
    close(found, [sum(g) / 5 for g in zip(*each, strict=True)])


def test_nominal_and_mean_agree_on_a_full_batch(digits) -> None:
    model, labels = network(WITHOUT_BATCH_NORM), Labels(digits[1])
    nominal = gradients(model, digits[0], labels, recipe(micro_batch=8, accumulation="nominal"))
    close(nominal, gradients(model, digits[0], labels, recipe(micro_batch=8)))


def averages(model: nn.Module, inputs: list[Tensor]) -> tuple[Tensor, Tensor]:
    """BatchNorm's running mean and variance after these batches, by r ← 0.9 r + 0.1 batch, from (0, 1)."""
    convolution = next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d))
    mean, variance = torch.zeros(8), torch.ones(8)
    for batch in inputs:
        values = convolution(batch).detach().transpose(0, 1).flatten(1)
        mean, variance = 0.9 * mean + 0.1 * values.mean(1), 0.9 * variance + 0.1 * values.var(1)
    return mean, variance


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("part", [None, 8, 12])
def test_batch_norm_sees_the_parts_and_twice_with_the_double_update(digits, part: int | None, double: bool) -> None:
    inputs, labels = digits
    model = network(WITH_BATCH_NORM)
    norm = next(layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d))
    seen = [piece for piece in inputs.split(part or FULL) for _ in range(1 + double)]
    mean, variance = averages(model, seen)
    gradients(model, inputs, Labels(labels), recipe(micro_batch=part, double_bn_update=double))
    torch.testing.assert_close(norm.running_mean, mean)
    torch.testing.assert_close(norm.running_var, variance)
    assert norm.num_batches_tracked == len(seen)


def test_the_double_update_has_its_closed_form_and_leaves_the_gradient(digits) -> None:
    once, twice = network(WITH_BATCH_NORM), network(WITH_BATCH_NORM)
    plain = gradients(once, digits[0], Labels(digits[1]), recipe())
    double = gradients(twice, digits[0], Labels(digits[1]), recipe(double_bn_update=True))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(plain, double, strict=True))
    first, second = (
        next(layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)).running_mean
        for model in (once, twice)
    )
    torch.testing.assert_close(second, (1 - 0.9**2) / (1 - 0.9) * first)  # from 0: (1 − (1 − m)²) against m


def test_batch_norm_makes_parts_another_gradient(digits) -> None:
    model, labels = network(WITH_BATCH_NORM), Labels(digits[1])
    whole = gradients(model, digits[0], labels, recipe())[-1]
    assert not torch.allclose(gradients(model, digits[0], labels, recipe(micro_batch=8))[-1], whole, rtol=1e-3)
