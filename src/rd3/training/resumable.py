"""Loops that go on where they were: what an iteration leaves to the next is kept now and then, and put back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from rd3.base.keep import Keep, Place


@dataclass(frozen=True)
class Carried:
    """All that a loop carries from one iteration to the next; everything is written in place when it is put back.

    Attributes:
        tensors: what is learned, and what is logged.
        optimisers: with the state of every parameter (momentum, averages, step counts). Rates and other settings of
            their groups are not part of it: the loop sets them from the number of the iteration.
        generators: of everything that is drawn.
    """

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    optimisers: Mapping[str, torch.optim.Optimizer] = field(default_factory=dict)
    generators: Mapping[str, torch.Generator] = field(default_factory=dict)

    def state(self) -> dict[str, Tensor]:
        """Everything as tensors with flat names."""
        state = {f"tensor/{name}": value.detach() for name, value in self.tensors.items()}
        state |= {f"generator/{name}": generator.get_state() for name, generator in self.generators.items()}
        for name, optimiser in self.optimisers.items():
            for number, values in optimiser.state_dict()["state"].items():
                known = {key: value for key, value in values.items() if value is not None}
                state |= {f"optimiser/{name}/{number}/{key}": torch.as_tensor(value) for key, value in known.items()}
        return state

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Put everything back to what `state` said."""
        for name, value in self.tensors.items():
            value.copy_(state[f"tensor/{name}"])
        for name, generator in self.generators.items():
            generator.set_state(state[f"generator/{name}"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict({**optimiser.state_dict(), "state": _of_optimiser(state, f"optimiser/{name}/")})


def _of_optimiser(state: Mapping[str, Tensor], prefix: str) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = {}
    for name, value in state.items():
        if name.startswith(prefix):
            number, _, key = name.removeprefix(prefix).partition("/")
            found.setdefault(int(number), {})[key] = value
    return found


def resumable(iterations: int, carried: Carried, keep: Keep, *, name: str = "loop") -> Iterator[int]:
    """`range(iterations)`, or what is left of it: a loop over this may be killed and started again.

    Before the first number everything in `carried` is put back to where the kept loop was; after a loop's body it is
    kept whenever `keep` says that this is due.

    Args:
        name: of the loop, where a piece of work has several.
    """
    first = 0
    state = keep.load(name)
    if state is not None:
        carried.restore(state)
        first = int(state["done"])
    for iteration in range(first, iterations):
        yield iteration
        if keep.due:
            done = iteration + 1
            place = Place(done, iterations, "iterations")
            keep.save(name, {**carried.state(), "done": torch.tensor(done)}, place)
