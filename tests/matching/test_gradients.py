"""Distances of gradients, against plain loops, closed forms and finite differences."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.matching.gradients import EPSILON, METRICS, gradient_distance, match_gradients
from rd3.models import create_model


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_gradients(seed: int) -> list[Tensor]:
    shapes = ((3, 2, 3, 3), (3,), (3,), (4, 12), (4,))
    draws = generator(seed)
    return [torch.randn(shape, generator=draws, dtype=torch.float64) for shape in shapes]


def per_output_unit(real: list[Tensor], synthetic: list[Tensor]) -> float:
    """DC's distance as its equations read, one output unit at a time."""
    total = 0.0
    for one, other in zip(real, synthetic, strict=True):
        if one.ndim == 1:
            continue
        for unit in range(len(one)):
            a, b = one[unit].flatten().tolist(), other[unit].flatten().tolist()
            product = sum(x * y for x, y in zip(a, b, strict=True))
            lengths = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
            total += 1 - product / (lengths + EPSILON)
    return total


def test_dcs_distance_is_summed_over_layers_and_output_units():
    real, synthetic = some_gradients(0), some_gradients(1)
    assert float(gradient_distance(real, synthetic, "unit-cosine")) == pytest.approx(per_output_unit(real, synthetic))


@pytest.mark.parametrize("metric", METRICS)
def test_equal_gradients_have_no_distance(metric):
    real = some_gradients(0)
    assert abs(float(gradient_distance(real, [each.clone() for each in real], metric))) < 1e-5


def test_dcs_distance_ignores_lengths_and_counts_opposites_twice():
    real = some_gradients(0)
    assert abs(float(gradient_distance(real, [7 * each for each in real], "unit-cosine"))) < 1e-5
    opposite = gradient_distance(real, [-each for each in real], "unit-cosine")
    assert float(opposite) == pytest.approx(2 * (3 + 4), abs=1e-5)


def test_the_other_distances_are_those_of_one_long_vector():
    real, synthetic = some_gradients(0), some_gradients(1)
    a, b = (torch.cat([each.flatten() for each in gradients]) for gradients in (real, synthetic))
    assert float(gradient_distance(real, synthetic, "mse")) == pytest.approx(float(((a - b) ** 2).sum()))
    assert float(gradient_distance(real, synthetic, "l1")) == pytest.approx(float((a - b).abs().sum()))
    cosine = 1 - float(F.cosine_similarity(a, b, dim=0))
    assert float(gradient_distance(real, synthetic, "cosine")) == pytest.approx(cosine, abs=1e-6)


def smooth_network() -> nn.Module:
    """Kinks of ReLU would break central differences, not the gradient."""
    network = create_model("convnet1-w4", classes=3, size=4, channels=1, seed=0).double()
    network.features[2] = nn.Softplus()
    return network


def batches() -> tuple[tuple[Tensor, Tensor], Tensor, Tensor]:
    draws = generator(5)
    real = torch.randn(4, 1, 4, 4, generator=draws, dtype=torch.float64), torch.tensor([1, 1, 1, 1])
    synthetic = torch.randn(2, 1, 4, 4, generator=draws, dtype=torch.float64).requires_grad_()
    return real, synthetic, torch.tensor([1, 1])


@pytest.mark.parametrize("metric", METRICS)
def test_the_images_gradient_agrees_with_finite_differences(metric):
    network = smooth_network()
    real, synthetic, labels = batches()

    def loss(images: Tensor) -> Tensor:
        return match_gradients(network, list(network.parameters()), real, (images, labels), metric=metric)

    assert torch.autograd.gradcheck(loss, (synthetic,), atol=1e-5)


def test_gradients_are_those_that_backward_leaves_in_the_parameters():
    network = smooth_network()
    real, synthetic, labels = batches()
    found = []
    for images, targets in (real, (synthetic, labels)):
        network.zero_grad()
        F.cross_entropy(network(images), targets).backward()
        found.append([parameter.grad.clone() for parameter in network.parameters()])
    network.zero_grad()
    matched = match_gradients(network, list(network.parameters()), real, (synthetic, labels), metric="unit-cosine")
    assert float(matched.detach()) == pytest.approx(per_output_unit(*found))
    matched.backward(inputs=[synthetic])
    assert all(parameter.grad is None for parameter in network.parameters())


def test_the_same_batch_has_no_distance_and_no_pull():
    network = smooth_network()
    (images, labels), *_ = batches()
    images = images.requires_grad_()
    same = match_gradients(network, list(network.parameters()), (images, labels), (images, labels), metric="mse")
    assert float(same.detach()) < 1e-30
    assert float(torch.autograd.grad(same, images)[0].abs().max()) < 1e-12
