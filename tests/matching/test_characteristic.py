"""Characteristic functions against complex arithmetic, and NCFM's loop."""

from __future__ import annotations

import cmath
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rd3.matching.characteristic import FrequencyNetwork, characteristic, discrepancy
from rd3.matching.characteristic_matching import CharacteristicMatching, CharacteristicPlan
from rd3.matching.initial import real_images
from rd3.matching.learnable import Learnable
from rd3.matching.pixels import Space
from rd3.matching.sampler import ClassSampler
from rd3.matching.scene import Scene
from rd3.matching.trained_networks import TrainedNetworks
from rd3.models import create_model
from rd3.models.features import embed


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def plain(features: torch.Tensor, frequency: torch.Tensor) -> complex:
    return sum(cmath.exp(1j * float(feature @ frequency)) for feature in features) / len(features)


def test_it_is_the_mean_of_complex_exponentials():
    features, frequencies = drawn(7, 3), drawn(5, 3, seed=1)
    real, imaginary = characteristic(features, frequencies)
    for index, frequency in enumerate(frequencies):
        expected = plain(features, frequency)
        assert (float(real[index]), float(imaginary[index])) == pytest.approx((expected.real, expected.imag))


@pytest.mark.parametrize(("amplitude", "phase"), [(0.5, 0.5), (0.9, 0.1), (0.0, 1.0)])
def test_the_discrepancy_weighs_lengths_and_angles_of_complex_numbers(amplitude, phase):
    real, synthetic, frequencies = drawn(7, 3), drawn(4, 3, seed=1), drawn(6, 3, seed=2)
    total = 0.0
    for frequency in frequencies:
        one, other = plain(real, frequency), plain(synthetic, frequency)
        angle = cmath.phase(one) - cmath.phase(other)
        apart = 2 * abs(one) * abs(other) * (1 - math.cos(angle))
        total += math.sqrt(amplitude * (abs(one) - abs(other)) ** 2 + phase * apart) / len(frequencies)
    found = discrepancy(real, synthetic, frequencies, amplitude=amplitude, phase=phase)
    assert float(found) == pytest.approx(total)


def test_with_equal_weights_it_is_the_distance_in_the_plane():
    real, synthetic, frequencies = drawn(7, 3), drawn(4, 3, seed=1), drawn(6, 3, seed=2)
    distances = [abs(plain(real, frequency) - plain(synthetic, frequency)) for frequency in frequencies]
    expected = sum(distances) / len(distances) / math.sqrt(2)
    assert float(discrepancy(real, synthetic, frequencies)) == pytest.approx(expected)


def test_equal_sets_do_not_differ_whatever_their_order():
    features, frequencies = drawn(9, 4), drawn(50, 4, seed=1)
    assert float(discrepancy(features, features.flip(0), frequencies)) < 1e-6
    assert float(discrepancy(features, features + 1, frequencies)) > 0.1


def test_its_gradient_agrees_with_finite_differences():
    real, synthetic, frequencies = drawn(7, 3), drawn(4, 3, seed=1).requires_grad_(), drawn(6, 3, seed=2)
    assert torch.autograd.gradcheck(lambda features: discrepancy(real, features, frequencies), (synthetic,))


def test_the_frequency_network_is_bounded_and_made_of_its_seed_alone():
    state = torch.get_rng_state()
    one, same, other = (FrequencyNetwork(6, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(torch.get_rng_state(), state)
    noise = torch.randn(20, 6, generator=generator())
    assert float(one(noise).detach().abs().max()) < 1
    assert torch.equal(one(noise), same(noise))
    assert not torch.equal(one(noise), other(noise))


def network(number: int) -> nn.Module:
    return create_model("convnet1-w4", classes=10, size=8, channels=1, seed=number)


def shifted(_: int, net: nn.Module) -> None:
    """A training whose result is known."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter += 1


def test_networks_lie_between_untrained_and_trained_and_are_trained_once():
    calls: list[int] = []

    def train(number: int, net: nn.Module) -> None:
        calls.append(number)
        shifted(number, net)

    trained = TrainedNetworks(network, train)
    for share in (0.0, 0.25, 1.0):
        between, final = trained.between(2, share)
        untrained = network(2).features[0].weight
        torch.testing.assert_close(between.features[0].weight, untrained + 1 - share)
        torch.testing.assert_close(final.features[0].weight, untrained + 1)
        assert not any(parameter.requires_grad for parameter in (*between.parameters(), *final.parameters()))
    trained.between(0, 0.5)
    assert calls == [2, 0]


@pytest.fixture
def sampler(digits) -> ClassSampler:
    return ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)


def scene_of(sampler: ClassSampler) -> Scene:
    initial = real_images(sampler, 2, generator(1)) * 0.25 + 0.5
    space = Space((0.5,), (0.25,), raw=True)
    learned = Learnable(initial, space=space, optimiser=lambda values: torch.optim.SGD(values, 0.001, momentum=0.5))
    return Scene(learned, sampler, network, generator(2), real_batch=5)


def test_an_iteration_is_two_steps_a_class(sampler):
    """NCFM written out: a step on the discrepancy for every class, then one on the cross-entropy for every class."""
    scene = scene_of(sampler)
    images, velocity = scene.learned.values.detach().clamp(0, 1), torch.zeros_like(scene.learned.values)
    plan = CharacteristicPlan(networks=3, frequencies=6)
    CharacteristicMatching(scene, TrainedNetworks(network, shifted), plan).iterate(0)
    draws = generator(2)
    number, share = int(torch.randint(3, (), generator=draws)), float(torch.rand((), generator=draws))
    between, final = TrainedNetworks(network, shifted).between(number, share)
    rows = sampler.indices(5, draws)
    for index in range(20):
        leaf, label = images.clone().requires_grad_(), index % 10
        shown = (leaf[label] - 0.5) / 0.25
        if index < 10:
            wanted, found = (
                F.normalize(embed(between, part), dim=1) for part in (sampler.images([rows[label]])[0], shown)
            )
            frequencies = torch.randn((6, found.shape[1]), generator=draws)
            loss = 300 * discrepancy(wanted.detach(), found, frequencies)
        else:
            loss = F.cross_entropy(final(shown), torch.full((2,), label))
        velocity = 0.5 * velocity + torch.autograd.grad(loss, leaf)[0]
        images = images - 0.001 * velocity
    torch.testing.assert_close(scene.learned.values.detach(), images, rtol=1e-4, atol=1e-6)


def test_a_learned_sampler_climbs_while_the_images_descend(sampler):
    """With images that stay, the frequencies come to tell the sets apart better than they did."""
    scene = scene_of(sampler)
    for group in scene.learned.optimiser.param_groups:
        group["lr"] = 0.0
    frequencies = FrequencyNetwork(64, seed=0)
    plan = CharacteristicPlan(networks=1, frequencies=64, calibration=0.0, sampler_lr=0.1)
    algorithm = CharacteristicMatching(scene, TrainedNetworks(network, shifted), plan, sampler=frequencies)
    before = frequencies.layers[0].weight.detach().clone()
    losses = [float(algorithm.iterate(0)) for _ in range(12)]
    assert sum(losses[-3:]) > 1.1 * sum(losses[:3])
    assert not torch.equal(frequencies.layers[0].weight, before)
