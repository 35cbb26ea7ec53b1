"""LAMB: Adam whose step on each tensor is as long as the tensor says.

You et al. 2020, Large Batch Optimization for Deep Learning (ICLR, arXiv 1904.00962), algorithm 2, with φ(z) = z.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor


class Lamb(torch.optim.Optimizer):
    """θ ← θ − lr · ‖θ‖ / ‖r‖ · r with Adam's r = m̂ / (√v̂ + eps), per tensor; the factor is 1 where a norm is 0."""

    def __init__(
        self, parameters: Iterable[Tensor], lr: float, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-6
    ) -> None:
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps})

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter.sub_(group["lr"] * _step(parameter, self.state[parameter], group))
        return None if closure is None else closure()


def _step(parameter: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
    first, second = group["betas"]
    gradient = parameter.grad
    assert gradient is not None, "only parameters with a gradient are stepped"
    if not state:
        state.update(step=0, mean=torch.zeros_like(parameter), square=torch.zeros_like(parameter))
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - first)
    state["square"].lerp_(gradient.square(), 1 - second)
    mean = state["mean"] / (1 - first ** state["step"])
    square = state["square"] / (1 - second ** state["step"])
    direction: Tensor = mean / (square.sqrt() + group["eps"])
    own, other = parameter.norm(), direction.norm()
    trust = torch.where((own > 0) & (other > 0), own / other, torch.ones_like(own))
    return trust * direction
