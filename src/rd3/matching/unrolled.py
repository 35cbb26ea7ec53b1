"""Gradients through the training of a student: plain SGD steps θ ← θ − α g(θ, S), then a distance of where they end.

`unrolled` is MTT's (Cazenavette et al. 2022, arXiv 2203.11932): one graph over all steps. `two_pass` needs the graph of
one step at a time, an idea of TESLA (Cui et al. 2023, arXiv 2211.10586): steps first run without a graph, then each is
looked at once more. Its `exact` gradient goes through the steps backwards and is that of `unrolled`. TESLA's released
one leaves out that a step's gradient depends, through θ, on the images of the steps before it; both are the same where
there is one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd import grad

TrainingLoss = Callable[[Tensor, int], Tensor]
"""The loss of parameters (P,) in a step, differentiable in them and in what is learned."""
Distance = Callable[[Tensor], Tensor]
"""Of the parameters that training ends with, a scalar."""


class Found(NamedTuple):
    """The distance and its gradients, without graph.

    Attributes:
        learned: one for each tensor that is learned.
        rate: of the learning rate.
    """

    distance: Tensor
    learned: tuple[Tensor, ...]
    rate: Tensor


def unrolled(
    loss: TrainingLoss, distance: Distance, *, start: Tensor, steps: int, learned: Sequence[Tensor], rate: Tensor
) -> Found:
    """Through one graph.

    Args:
        start: parameters (P,) that training starts from.
        learned: leaves that `loss` depends on.
        rate: the learning rate, a scalar leaf.
    """
    parameters = start.detach().requires_grad_()
    for step in range(steps):
        (slope,) = grad(loss(parameters, step), parameters, create_graph=True)
        parameters = parameters - rate * slope
    value = distance(parameters)
    *found, of_rate = grad(value, [*learned, rate])
    return Found(value.detach(), tuple(found), of_rate)


def two_pass(
    loss: TrainingLoss,
    distance: Distance,
    *,
    start: Tensor,
    steps: int,
    learned: Sequence[Tensor],
    rate: Tensor,
    exact: bool = True,
) -> Found:
    """Through the graph of one step at a time; arguments as those of `unrolled`.

    Args:
        exact: whether the distance's gradient at a step's end is carried back to its start: λᵢ = λᵢ₊₁ − α H λᵢ₊₁ with
            the Hessian H of the step's loss; else it stays that at the last step's end.
    """
    path = _path(loss, start, steps, rate)
    end = path.pop().requires_grad_()
    value = distance(end)
    (back,) = grad(value, end)
    totals, of_rate = [torch.zeros_like(one) for one in learned], torch.zeros_like(rate)
    for step in reversed(range(steps)):
        parameters = path.pop().requires_grad_()
        (slope,) = grad(loss(parameters, step), parameters, create_graph=True)
        change = slope @ back
        of_rate -= change.detach()
        wanted = [*learned, parameters] if exact else learned
        found = grad(-rate.detach() * change, wanted)
        for total, part in zip(totals, found, strict=False):  # the last is that of the parameters
            total += part
        if exact:
            back = back + found[-1]
    return Found(value.detach(), tuple(totals), of_rate)


def _path(loss: TrainingLoss, start: Tensor, steps: int, rate: Tensor) -> list[Tensor]:
    """The parameters before every step and after the last, without graph."""
    path = [start.detach().clone()]
    for step in range(steps):
        parameters = path[-1].clone().requires_grad_()
        (slope,) = grad(loss(parameters, step), parameters)
        path.append(path[-1] - rate.detach() * slope)
    return path
