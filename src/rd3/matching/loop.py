"""The loop that all matching methods share. What an iteration does belongs to the algorithm; the loop counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

State = dict[str, Any]
"""Tensors, numbers and containers of them."""


class Algorithm(Protocol):
    """What happens in an iteration, with everything that lasts from one to the next."""

    def iterate(self, iteration: int) -> Tensor:
        """Do one iteration, numbered from 0; returns its loss: a scalar without graph."""

    def state(self) -> State:
        """All that the following iterations depend on."""

    def restore(self, state: State) -> None:
        """Go on from where `state` was taken."""


def learn(algorithm: Algorithm, iterations: int, *, progress: Callable[[float], None] = lambda _: None) -> Tensor:
    """Run an algorithm.

    Args:
        progress: called with the done fraction about a hundred times.

    Returns:
        The loss of every iteration.
    """
    losses = []
    every = max(1, iterations // 100)
    for iteration in range(iterations):
        losses.append(algorithm.iterate(iteration))
        if (iteration + 1) % every == 0 or iteration + 1 == iterations:
            progress((iteration + 1) / iterations)
    return torch.stack(losses)
