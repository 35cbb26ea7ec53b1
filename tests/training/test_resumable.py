"""A loop that is broken off and started again ends with the bits of one that was not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from rd3.base.keep import NOWHERE, Place, Tensors
from rd3.training.flat import flat, nested
from rd3.training.resumable import Carried, resumable

OPTIMISERS: dict[str, Callable[[list[Tensor]], torch.optim.Optimizer]] = {
    "sgd": lambda values: torch.optim.SGD(values, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda values: torch.optim.Adam(values, lr=0.1, betas=(0.5, 0.9)),
    "rmsprop": lambda values: torch.optim.RMSprop(values, lr=0.1, momentum=0.5, centered=True),
}


class InMemory:
    """Keeps copies; `due` at every second question."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Tensor]] = {}
        self.places: list[Place] = []
        self._asked = 0

    @property
    def due(self) -> bool:
        self._asked += 1
        return self._asked % 2 == 0

    def load(self, name: str) -> dict[str, Tensor] | None:
        return self.kept.get(name)

    def save(self, name: str, tensors: Tensors, place: Place) -> None:
        self.kept[name] = {key: value.clone() for key, value in tensors.items()}
        self.places.append(place)


class BrokenOffError(Exception):
    """The end of an attempt."""


def descend(optimiser_of: Callable[..., Any], keep: Any, iterations: int, *, until: int | None = None) -> Tensor:
    """Noisy descent with a rate that falls, an average and a log; returns everything at the end."""
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(5, generator=generator).requires_grad_()
    average, log = torch.zeros(5), torch.zeros(iterations)
    optimiser = optimiser_of([values])
    carried = Carried({"values": values, "average": average, "log": log}, {"values": optimiser}, {"draws": generator})
    for iteration in resumable(iterations, carried, keep):
        if iteration == until:
            raise BrokenOffError
        optimiser.param_groups[0]["lr"] = 0.1 / (1 + iteration)
        loss = (values - torch.randn(5, generator=generator)).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        average.lerp_(values.detach(), 0.3)
        log[iteration] = loss.detach()
    return torch.cat([values.detach(), average, log])


@pytest.mark.parametrize("name", OPTIMISERS)
@pytest.mark.parametrize("until", [0, 1, 2, 7, 11])
def test_a_broken_loop_ends_as_an_unbroken_one(name: str, until: int) -> None:
    whole, keep = descend(OPTIMISERS[name], NOWHERE, 12), InMemory()
    for end in (until, min(until + 3, 11)):
        with pytest.raises(BrokenOffError):
            descend(OPTIMISERS[name], keep, 12, until=end)
    assert torch.equal(descend(OPTIMISERS[name], keep, 12), whole)
    assert keep.places == sorted(keep.places)


def test_what_was_done_is_not_done_again() -> None:
    keep, seen = InMemory(), []
    with pytest.raises(BrokenOffError):
        descend(OPTIMISERS["sgd"], keep, 12, until=6)
    assert keep.places[-1] == (6, 12, "iterations")
    seen = list(
        resumable(12, Carried({"values": torch.zeros(5), "average": torch.zeros(5), "log": torch.zeros(12)}), keep)
    )
    assert seen == list(range(6, 12))


def test_nested_states_come_back_with_their_types() -> None:
    state = {
        "numbers": [1, 2.5, True, None, "text", float("inf")],
        3: {"tuple": (torch.arange(4), {"deep": torch.ones(2, 2, dtype=torch.float64)}), "empty": []},
        "adam": torch.optim.Adam([torch.zeros(2, requires_grad=True)]).state_dict(),
    }
    found = nested(flat(state))
    assert found["numbers"] == state["numbers"]
    assert [type(value) for value in found["numbers"]] == [type(value) for value in state["numbers"]]  # type: ignore[union-attr]
    assert isinstance(found[3]["tuple"], tuple)
    assert torch.equal(found[3]["tuple"][1]["deep"], torch.ones(2, 2, dtype=torch.float64))
    assert found["adam"] == state["adam"]


def test_what_is_no_state_is_refused() -> None:
    with pytest.raises(AssertionError, match="no state: set"):
        flat({"labels": {1, 2}})
