from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.recover.match import BatchNormMatch
from rd3.recover.plan import PlanItem
from rd3.recover.statistics import moments, require_batch_norm
from rd3.squeeze.readings import batch_norms
from rd3.squeeze.teacher import Teacher

NOBODY = PlanItem(0, torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))


def small_net(seed: int = 0) -> nn.Sequential:
    """Two BatchNorm layers with statistics that are not the default ones, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Tanh(), nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        ).double()
        for layer in batch_norms(net):
            layer.running_mean = torch.randn(layer.num_features, dtype=torch.float64)
            layer.running_var = torch.rand(layer.num_features, dtype=torch.float64) + 0.5
    return net.eval().requires_grad_(False)


def images(count: int = 5) -> Tensor:
    return torch.randn(count, 2, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("shape", [(4, 3, 5, 6), (7, 3), (2, 3, 4)])
def test_moments_are_the_mean_and_the_biased_variance(shape: tuple[int, ...]) -> None:
    features = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3 + 40
    mean, variance = moments(features)
    columns = np.moveaxis(features.numpy(), 1, 0).reshape(3, -1)
    np.testing.assert_allclose(mean, columns.mean(1), rtol=1e-12)
    np.testing.assert_allclose(variance, columns.var(1), rtol=1e-12)


def test_moments_in_float32_survive_a_mean_that_is_much_larger_than_the_spread() -> None:
    features = torch.randn(50, 3, 10, 10, generator=torch.Generator().manual_seed(0)) + 1000
    exact = features.double().transpose(0, 1).flatten(1).var(1, correction=0)
    torch.testing.assert_close(moments(features)[1].double(), exact, rtol=1e-3, atol=0)


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_gradients_of_moments_are_those_of_finite_differences(memory_format: torch.memory_format) -> None:
    features = torch.randn(2, 3, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    features = features.to(memory_format=memory_format).requires_grad_()
    assert torch.autograd.gradcheck(moments, (features,))


def test_the_term_is_zero_when_the_stored_statistics_are_those_of_the_batch() -> None:
    net, batch = small_net(), images()
    match = BatchNormMatch(net)
    for layer in batch_norms(net):
        layer.momentum = 1.0
    net.train()(batch)
    match.take(NOBODY)
    for layer, size in zip(batch_norms(net), (36, 16), strict=True):
        values = len(batch) * size
        assert layer.running_var is not None
        layer.running_var *= (values - 1) / values  # torch stores the unbiased variance
    net.eval()(batch)
    assert float(match.take(NOBODY)) < 1e-12


@pytest.mark.parametrize(("first_weight", "variance_weight"), [(10.0, 1.0), (1.0, 11.0)])
def test_the_term_is_the_sum_over_layers_channels_and_pixels(first_weight: float, variance_weight: float) -> None:
    net, batch = small_net(), images()
    match = BatchNormMatch(net, first_weight=first_weight, variance_weight=variance_weight)
    net(batch)
    found, expected = float(match.take(NOBODY)), 0.0
    for number, layer in enumerate(batch_norms(net)):
        features = net[: 1 + 3 * number](batch).numpy()
        off_mean = off_variance = 0.0
        for channel in range(features.shape[1]):
            values = [float(value) for image in features for value in image[channel].ravel()]
            mean = sum(values) / len(values)
            variance = sum((value - mean) ** 2 for value in values) / len(values)
            off_mean += (mean - float(layer.running_mean[channel])) ** 2  # type: ignore[index]
            off_variance += (variance - float(layer.running_var[channel])) ** 2  # type: ignore[index]
        weight = first_weight if number == 0 else 1.0
        expected += weight * (off_mean**0.5 + variance_weight * off_variance**0.5)
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_gradient_of_the_term_is_that_of_finite_differences() -> None:
    net = small_net()
    match = BatchNormMatch(net)

    def term(batch: Tensor) -> Tensor:
        net(batch)
        return match.take(NOBODY)

    assert torch.autograd.gradcheck(term, (images(2).requires_grad_(),))


def test_the_gradient_is_finite_where_the_term_is_zero() -> None:
    net = nn.Sequential(nn.BatchNorm2d(1)).eval()
    match = BatchNormMatch(net)
    batch = torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).requires_grad_()  # mean 0, variance 1
    net(batch)
    match.take(NOBODY).backward()  # type: ignore[no-untyped-call]
    assert batch.grad is not None
    assert torch.equal(batch.grad, torch.zeros_like(batch))


def test_a_layer_without_running_statistics_is_not_matched() -> None:
    net = nn.Sequential(nn.BatchNorm2d(2, track_running_stats=False), nn.InstanceNorm2d(2), nn.BatchNorm2d(2))
    assert batch_norms(net) == [net[2]]


def test_a_teacher_without_batch_norm_is_refused_in_one_line() -> None:
    teacher = Teacher(nn.Linear(2, 2), "convnet3-in", (0.5,), (0.5,), ("a", "b"), "", 0.0, 0.0)
    with pytest.raises(UserError, match=r"sre2l matches BatchNorm.*'convnet3-in' has no BatchNorm") as caught:
        require_batch_norm(teacher, "sre2l")
    assert "\n" not in str(caught.value)
