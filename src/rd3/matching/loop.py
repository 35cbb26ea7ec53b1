"""The loop that all matching methods share. What an iteration does belongs to the algorithm; the loop counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from rd3.base.keep import NOWHERE, Keep
from rd3.training.resumable import Stateful, resumable

State = dict[str, Any]
"""Tensors, numbers and containers of them."""


class Algorithm(Stateful, Protocol):
    """What happens in an iteration, with everything that lasts from one to the next."""

    def iterate(self, iteration: int) -> Tensor:
        """Do one iteration, numbered from 0; returns its loss: a scalar without graph."""


@dataclass(frozen=True)
class _Logged:
    """An algorithm's state, with the losses up to there."""

    algorithm: Algorithm
    losses: Tensor

    def state(self) -> State:
        return {"algorithm": self.algorithm.state(), "losses": self.losses}

    def restore(self, state: State) -> None:
        self.algorithm.restore(state["algorithm"])
        self.losses.copy_(state["losses"])


def learn(
    algorithm: Algorithm,
    iterations: int,
    *,
    keep: Keep = NOWHERE,
    progress: Callable[[float], None] = lambda _: None,
) -> Tensor:
    """Run an algorithm.

    Args:
        keep: where an unfinished loop is kept, and looked for.
        progress: called with the done fraction about a hundred times.

    Returns:
        The loss of every iteration, on the CPU.
    """
    losses = torch.zeros(iterations)
    every = max(1, iterations // 100)
    for iteration in resumable(iterations, _Logged(algorithm, losses), keep):
        losses[iteration] = algorithm.iterate(iteration)
        if (iteration + 1) % every == 0 or iteration + 1 == iterations:
            progress((iteration + 1) / iterations)
    return losses
