"""DataDAM's objective against a plain loop."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rd3.matching.attention import SCALE, AttentionMatching, attention, relu_outputs
from rd3.matching.sampler import ClassSampler
from rd3.models import create_model


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def network() -> nn.Module:
    return create_model("convnet3-w4", classes=10, size=8, channels=1, seed=0).requires_grad_(False)


@pytest.fixture
def sampler(digits) -> ClassSampler:
    return ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)


@pytest.mark.parametrize("power", [1.0, 2.0, 4.0])
def test_attention_is_the_sum_over_channels_of_powers_at_unit_length(power):
    features = torch.randn(3, 5, 2, 4, generator=generator())
    maps = attention(features, power)
    assert maps.shape == (3, 8)
    for image in range(3):
        plain = [
            [sum(abs(features[image, c, y, x].item()) ** power for c in range(5)) for x in range(4)] for y in (0, 1)
        ]
        expected = torch.tensor(plain).flatten()
        torch.testing.assert_close(maps[image], expected / expected.norm(), rtol=1e-4, atol=1e-6)


def test_relu_outputs_are_those_of_every_block(sampler):
    net, (images, *_) = network(), sampler.images(sampler.indices(2, generator()))
    outputs, embedding = relu_outputs(net, images)
    expected, seen = images, []
    for layer in net.features:
        expected = layer(expected)
        if isinstance(layer, nn.ReLU):
            seen.append(expected)
    assert len(outputs) == len(seen) == 3
    assert all(torch.equal(one, other) for one, other in zip(outputs, seen, strict=True))
    assert torch.equal(embedding, expected.flatten(1))
    assert not any(module._forward_hooks for module in net.modules())


def test_the_objective_is_the_plain_loop(sampler):
    net, power, balance = network(), 4.0, 0.01
    real = sampler.images(sampler.indices(3, generator()))
    synthetic = sampler.images(sampler.indices(2, generator(1)))
    total = 0.0
    for label in range(10):
        sides = []
        for batch in (real[label], synthetic[label]):
            maps: list[list[torch.Tensor]] = [[], []]
            embeddings = []
            for image in batch:
                outputs, embedding = relu_outputs(net, image[None])
                embeddings.append(embedding[0])
                for layer in (0, 1):  # the last of three does not count
                    raw = (outputs[layer][0].abs() ** power).sum(0).flatten()
                    maps[layer].append(raw / raw.norm())
            sides.append([*(sum(each) / len(each) for each in maps), sum(embeddings) / len(embeddings)])
        for weight, one, other in zip((1, 1, balance), *sides, strict=True):
            total += SCALE * weight * float(((one - other) ** 2).sum())
    found = AttentionMatching(power=power, balance=balance)(net, real, synthetic, range(10))
    assert float(found) == pytest.approx(total, rel=1e-4)


def test_the_same_batch_has_no_loss_and_real_images_no_gradient(sampler):
    real = [batch.requires_grad_() for batch in sampler.images(sampler.indices(3, generator()))]
    objective = AttentionMatching(power=1.0, balance=0.01)
    assert float(objective(network(), real, [batch.detach() for batch in real], range(10))) < 1e-9
    synthetic = [torch.randn(1, 1, 8, 8, generator=generator(c), requires_grad=True) for c in range(10)]
    objective(network(), real, synthetic, range(10)).backward()
    assert all(batch.grad is None for batch in real)
    assert all(float(batch.grad.abs().sum()) > 0 for batch in synthetic)
