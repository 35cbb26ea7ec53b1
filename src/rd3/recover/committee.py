"""Several teachers: one after the other, or some of them together with weights."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from rd3.base.seeds import derive_seed
from rd3.recover.objective import Look, Loss, Objective
from rd3.recover.plan import PlanItem

Members = list[tuple[int, float]]  # which teachers act, and the weight of each
Choice = Callable[[PlanItem], Members]
PairRule = Literal["best", "cycle", "random"]


def round_robin(objectives: Sequence[Objective], iterations: int) -> Objective:
    """One teacher an iteration, in turn; the count runs on from item to item (G-VBSM, EDC, FADRM+).

    Args:
        iterations: of every item.
    """

    def make(item: PlanItem, start: Tensor) -> Loss:
        losses = [objective(item, start) for objective in objectives]
        before = item.index * iterations
        return lambda look: losses[(before + look.iteration) % len(losses)](look)

    return make


def together(objectives: Sequence[Objective], choose: Choice) -> Objective:
    """The weighted sum over the teachers that are chosen for an item (CV-DD)."""

    def make(item: PlanItem, start: Tensor) -> Loss:
        members = [(objectives[number](item, start), weight) for number, weight in choose(item)]

        def loss(look: Look) -> Tensor:
            terms = [weight * member(look) for member, weight in members]
            return sum(terms[1:], start=terms[0])

        return loss

    return make


def by_item(objectives: Sequence[Objective], choose: Callable[[PlanItem], int]) -> Objective:
    """One teacher an item (INFER)."""
    return lambda item, start: objectives[choose(item)](item, start)


def pairs(priors: Sequence[float], *, rule: PairRule, best: tuple[int, ...], temperature: float, seed: int) -> Choice:
    """A pair of teachers for every slot, weighted by softmax(prior / temperature) (CV-DD, arXiv 2501.07575).

    Args:
        priors: of every teacher, in points of accuracy.
        rule: `best` always `best`; `cycle` pair i of all pairs in list order for slot i; `random` one of all for every
            slot.
        seed: of the random pairs.
    """
    everybody = list(itertools.combinations(range(len(priors)), min(2, len(priors))))

    def choose(item: PlanItem) -> Members:
        slot = int(item.slots[0])
        if rule == "best":
            pair: tuple[int, ...] = best
        elif rule == "cycle":
            pair = everybody[slot % len(everybody)]
        else:
            generator = torch.Generator().manual_seed(derive_seed("recover", "pair", seed, slot))
            pair = everybody[int(torch.randint(len(everybody), (), generator=generator))]
        return list(zip(pair, softmax([priors[number] for number in pair], temperature), strict=True))

    return choose


def softmax(values: Sequence[float], temperature: float) -> list[float]:
    """exp(v / T), normalised, in float64.

    >>> softmax([3.0], 5)
    [1.0]
    """
    return (torch.tensor(values, dtype=torch.float64) / temperature).softmax(0).tolist()  # type: ignore[no-any-return]
