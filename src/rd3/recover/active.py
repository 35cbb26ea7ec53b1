"""Which images of an item take part in an iteration."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from rd3.recover.plan import PlanItem


def early_late(ipc: int, *, iterations: int, round_iterations: int) -> Callable[[PlanItem, int], Tensor | None]:
    """Images join round after round and then stay: the first ones are optimised longest (DELT, arXiv 2411.19946)."""
    joins = joining_rounds(ipc, max(1, iterations // round_iterations))
    last = int(joins[-1])

    def active(item: PlanItem, iteration: int) -> Tensor | None:
        now = iteration // round_iterations
        if now >= last:
            return None
        return (joins.to(item.slots.device)[item.slots] <= now).nonzero()[:, 0]

    return active


def joining_rounds(ipc: int, rounds: int) -> Tensor:
    """The round in which each of a class's images joins, int64 (ipc,): equally many a round, the first ones one more.

    >>> joining_rounds(5, 3).tolist(), joining_rounds(2, 4).tolist()
    ([0, 0, 1, 1, 2], [0, 1])
    """
    sizes = torch.full((rounds,), ipc // rounds)
    sizes[: ipc % rounds] += 1
    return torch.arange(rounds).repeat_interleave(sizes)
