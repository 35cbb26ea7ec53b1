"""Networks between untrained and trained: NCFM's feature extractors (arXiv 2502.20653)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rd3.matching.loop import State

Weights = dict[str, Tensor]


class TrainedNetworks:
    """Networks that are trained when they are first asked for, and kept.

    Args:
        networks: number to the untrained network of that number.
        train: number and network; trains it in place.
    """

    def __init__(self, networks: Callable[[int], nn.Module], train: Callable[[int, nn.Module], None]) -> None:
        self._networks, self._train = networks, train
        self._trained: dict[int, Weights] = {}  # on the CPU where the loop went on from a kept state

    def between(self, number: int, share: float) -> tuple[nn.Module, nn.Module]:
        """`share` of the untrained weights and the rest of the trained ones, and the trained network; both frozen."""
        untrained, trained = self._networks(number), self._final(number)
        mixed, weights = self._networks(number), untrained.state_dict()
        mixed.load_state_dict({name: _blend(weights[name], end, share) for name, end in trained.state_dict().items()})
        return _frozen(mixed), _frozen(trained)

    def _final(self, number: int) -> nn.Module:
        network = self._networks(number)
        if number in self._trained:
            network.load_state_dict(self._trained[number])
        else:
            self._train(number, network)
            self._trained[number] = {name: value.detach().clone() for name, value in network.state_dict().items()}
        return network

    def state(self) -> State:
        return {"trained": self._trained}

    def restore(self, state: State) -> None:
        self._trained = dict(state["trained"])


def _blend(untrained: Tensor, trained: Tensor, share: float) -> Tensor:
    """Counters of BatchNorm are not blended."""
    return torch.lerp(trained, untrained, share) if trained.is_floating_point() else trained


def _frozen(network: nn.Module) -> nn.Module:
    return network.eval().requires_grad_(False)
