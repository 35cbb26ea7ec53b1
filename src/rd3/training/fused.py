"""The steps of SGD, Adam and AdamW as one kernel a parameter group: torch's own kernels, called directly.

The classes of `torch.optim` call the same kernels and give the same bits. They are not used because their first step
imports torch's compiler, which takes as long as a hundred steps of a small network on a CPU, and because here a rate
on a GPU is a tensor from the start, which a captured step can read anew at every replay.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Group = dict[str, Any]  # `params`, `lr` (a float on a CPU, a 0-d tensor elsewhere), `weight_decay`


class FusedSteps(ABC):
    """Base: groups of parameters on one device, moved along their gradients.

    Attributes:
        param_groups: each with `params`, `lr` and `weight_decay`, as in `torch.optim`.
    """

    def __init__(self, groups: Sequence[Group], *, lr: float) -> None:
        self.param_groups: list[Group] = [{"lr": _rate(lr, group["params"]), **group} for group in groups]

    @torch.no_grad()
    def step(self) -> None:
        """Move every parameter that has a gradient."""
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if parameters:
                self._move(parameters, [parameter.grad for parameter in parameters], group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero in place."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none:
                    parameter.grad = None
                elif parameter.grad is not None:
                    parameter.grad.zero_()

    @abstractmethod
    def _move(self, parameters: list[Tensor], gradients: list[Tensor], group: Group) -> None: ...


class FusedSGD(FusedSteps):
    """Stochastic gradient descent with momentum; weight decay is an L2 term of the gradient."""

    def __init__(self, groups: Sequence[Group], *, lr: float, momentum: float, nesterov: bool) -> None:
        super().__init__(groups, lr=lr)
        self._momentum, self._nesterov = momentum, nesterov
        self._buffers: dict[Tensor, Tensor] = {}

    def _move(self, parameters: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        new = [parameter for parameter in parameters if parameter not in self._buffers] if self._momentum else []
        first = bool(new) and len(new) == len(parameters)
        for parameter in new:
            # A first step writes the buffer before it reads it; one that comes late starts at zero.
            self._buffers[parameter] = torch.empty_like(parameter) if first else torch.zeros_like(parameter)
        torch._fused_sgd_(
            parameters,
            gradients,
            [self._buffers[parameter] for parameter in parameters] if self._momentum else [],
            weight_decay=group["weight_decay"],
            momentum=self._momentum,
            lr=group["lr"],
            dampening=0.0,
            nesterov=self._nesterov,
            maximize=False,
            is_first_step=first,
        )


class FusedAdam(FusedSteps):
    """Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) with `decoupled` weight decay."""

    def __init__(
        self, groups: Sequence[Group], *, lr: float, betas: tuple[float, float], eps: float, decoupled: bool
    ) -> None:
        super().__init__(groups, lr=lr)
        self._betas, self._eps = betas, eps
        self._kernel = torch._fused_adamw_ if decoupled else torch._fused_adam_
        self._moments: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}

    def _move(self, parameters: list[Tensor], gradients: list[Tensor], group: Group) -> None:
        means, squares, steps = map(list, zip(*map(self._state, parameters), strict=True))
        torch._foreach_add_(steps, 1)
        self._kernel(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            lr=group["lr"],
            beta1=self._betas[0],
            beta2=self._betas[1],
            weight_decay=group["weight_decay"],
            eps=self._eps,
            amsgrad=False,
            maximize=False,
        )

    def _state(self, parameter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Mean and mean square of the gradient, and the number of steps, from zero."""
        if parameter not in self._moments:
            steps = torch.zeros((), dtype=torch.float32, device=parameter.device)
            self._moments[parameter] = torch.zeros_like(parameter), torch.zeros_like(parameter), steps
        return self._moments[parameter]


def set_rates(optimiser: FusedSteps, rates: Sequence[float]) -> None:
    """Give every group its learning rate, without waiting for the device."""
    for group, rate in zip(optimiser.param_groups, rates, strict=True):
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)  # in place: a captured step reads this very tensor
        else:
            group["lr"] = rate


def _rate(lr: float, parameters: Sequence[Tensor]) -> float | Tensor:
    """A number on a CPU, whose kernels take it in double precision; a tensor on other devices."""
    device = parameters[0].device
    return lr if device.type == "cpu" else torch.full((), lr, dtype=torch.float32, device=device)
