"""A loop that is killed and goes on, beside one that is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from rd3.matching.loop import Algorithm, learn
from rd3.training.flat import flat, nested

LearnedT = TypeVar("LearnedT")


def gone_on_and_whole(
    parts: Callable[[], tuple[LearnedT, Algorithm]], *, iterations: int = 4
) -> tuple[LearnedT, LearnedT]:
    """What is learned by an algorithm that starts from what another one kept at half time, and by one in one go.

    Args:
        parts: what is learned, and a fresh algorithm that learns it.
    """
    learned, whole = parts()
    losses = learn(whole, iterations)
    _, first = parts()
    for iteration in range(iterations // 2):
        first.iterate(iteration)
    kept = {key: value.clone() for key, value in flat(first.state()).items()}
    resumed, second = parts()
    second.restore(nested(kept))
    last = [second.iterate(iteration) for iteration in range(iterations // 2, iterations)]
    assert torch.equal(torch.stack(last).float(), losses[iterations // 2 :])
    return resumed, learned
