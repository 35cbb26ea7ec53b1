"""Loops that go on where they were: what an iteration leaves to the next is kept now and then, and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from rd3.base.keep import Keep, Place
from rd3.training.flat import flat, nested


class Stateful(Protocol):
    """What has a state that lasts from one iteration to the next."""

    def state(self) -> dict[str, Any]:
        """All that the following iterations depend on: tensors, numbers, texts, and containers of them."""

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""


@dataclass(frozen=True)
class Carried:
    """The state of a loop that is made of the usual parts.

    Attributes:
        tensors: what is learned, and what is logged; written in place when it is put back.
        optimisers: with everything that their `state_dict` has.
        generators: of everything that is drawn.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    optimisers: Mapping[str, torch.optim.Optimizer] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        return {
            "tensors": {name: value.detach() for name, value in self.tensors.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "generators": {name: generator.get_state() for name, generator in self.generators.items()},
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Any]) -> None:
        for name, value in self.tensors.items():
            value.copy_(state["tensors"][name])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        for name, generator in self.generators.items():
            generator.set_state(state["generators"][name])


def resumable(
    iterations: int, work: Stateful, keep: Keep, *, name: str = "loop", unit: str = "iterations"
) -> Iterator[int]:
    """`range(iterations)`, or what is left of it: a loop over this may be killed and started again.

    Before the first number the work's state is put back to where the kept loop was, with tensors on the CPU; after the
    loop's body it is kept whenever `keep` says that this is due.

    Args:
        name: of the loop, where a piece of work has several.
        unit: what an iteration is called when it is said where the work goes on.
    """
    first = 0
    found = keep.load(name)
    if found is not None:
        state = nested(found)
        work.restore(state["work"])
        first = int(state["done"])
    for iteration in range(first, iterations):
        yield iteration
        if keep.due:
            done = iteration + 1
            keep.save(name, flat({"work": work.state(), "done": done}), Place(done, iterations, unit))
