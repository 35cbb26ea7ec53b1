"""The parameter average against its closed form."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from rd3.training.ema import ParameterAverage

DECAY = 0.9


def walk(model: nn.Module, average: ParameterAverage, steps: int) -> list[list[Tensor]]:
    """Change the network `steps` times; the parameters and float buffers at every step, from the start."""
    generator = torch.Generator().manual_seed(0)
    history = []
    for step in range(steps + 1):
        if step:
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.add_(torch.randn(parameter.shape, generator=generator))
            model.train()(torch.rand(8, 3, generator=generator))
            average.update(model)
        tensors = [*model.parameters(), *(buffer for buffer in model.buffers() if buffer.is_floating_point())]
        history.append([tensor.detach().clone() for tensor in tensors])
    return history


def closed_form(values: list[Tensor]) -> Tensor:
    """d^n v_0 + (1 - d) sum_k d^(n - k) v_k."""
    last = len(values) - 1
    later = [(1 - DECAY) * DECAY ** (last - k) * values[k].double() for k in range(1, last + 1)]
    return DECAY**last * values[0].double() + torch.stack(later).sum(dim=0)


@pytest.fixture
def model() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))


def test_parameters_are_the_weighted_sum_from_the_start(model: nn.Sequential) -> None:
    average = ParameterAverage(model, DECAY)
    history = walk(model, average, 12)
    for index, parameter in enumerate(average.network(model).parameters()):
        torch.testing.assert_close(
            parameter.double(), closed_form([step[index] for step in history]), atol=1e-5, rtol=0
        )


def test_buffers_are_the_online_networks(model: nn.Sequential) -> None:
    average = ParameterAverage(model, DECAY)
    walk(model, average, 5)
    buffers = zip(average.network(model).buffers(), model.buffers(), strict=True)
    assert all(torch.equal(mine, online) and mine is not online for mine, online in buffers)


def test_buffers_are_averaged_when_asked_and_counters_copied(model: nn.Sequential) -> None:
    average = ParameterAverage(model, DECAY, buffers="averaged")
    history = walk(model, average, 5)
    network = average.network(model)
    expected = closed_form([step[-2] for step in history])
    torch.testing.assert_close(network[1].running_mean.double(), expected, atol=1e-6, rtol=0)  # type: ignore[index]
    assert network[1].num_batches_tracked == 5  # type: ignore[index]


def test_the_online_network_is_left_alone_and_the_average_needs_no_gradient(model: nn.Sequential) -> None:
    average = ParameterAverage(model, DECAY)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    average.update(model)
    average.network(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert not any(parameter.requires_grad for parameter in average.network(model).parameters())


def test_before_any_step_the_average_is_the_start(model: nn.Sequential) -> None:
    average = ParameterAverage(model, DECAY)
    for mine, online in zip(average.network(model).parameters(), model.parameters(), strict=True):
        assert torch.equal(mine, online)
