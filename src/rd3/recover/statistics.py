"""Statistics of feature maps inside a network, and the loss that pulls them to the teacher's own."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.modules.batchnorm import _BatchNorm

from rd3.base.errors import UserError
from rd3.recover.plan import PlanItem
from rd3.squeeze.teacher import Teacher


class Match(Protocol):
    """Watches a network's layers; asked once after every forward pass."""

    def take(self, item: PlanItem) -> Tensor:
        """The scalar term of the last forward pass, on the images of `item`; forgets the pass."""


class BatchNormMatch:
    """R = Σ_l k_l (‖μ_l(Z) − μ_run,l‖₂ + w_var ‖v_l(Z) − v_run,l‖₂) over BatchNorm layers (SRe2L, arXiv 2306.13092).

    μ_l and v_l are the mean and the *biased* variance, over batch and space, of the layer's input; the norms run over
    channels and are not squared; k_l is 1 but for the first layer.

    Args:
        model: in eval mode; it keeps a forward pre-hook on every BatchNorm layer, so give a copy of your own.
        first_weight: k of the first layer in the order of registration, 10 in the reference code.
        variance_weight: w_var; 1, or more in DWA (arXiv 2409.17612).
    """

    def __init__(self, model: nn.Module, *, first_weight: float = 10.0, variance_weight: float = 1.0) -> None:
        self._variance_weight = variance_weight
        self._terms: list[Tensor] = []
        for number, layer in enumerate(batch_norms(model)):
            layer.register_forward_pre_hook(self._hook(first_weight if number == 0 else 1.0))

    def _hook(self, weight: float) -> Any:
        def measure(layer: _BatchNorm, inputs: tuple[Tensor, ...]) -> None:
            assert layer.running_mean is not None
            assert layer.running_var is not None
            mean, variance = moments(inputs[0])
            # vector_norm has subgradient 0 where the difference is 0; a square root would give NaN there.
            off_mean = torch.linalg.vector_norm(mean - layer.running_mean)
            off_variance = torch.linalg.vector_norm(variance - layer.running_var)
            self._terms.append(weight * (off_mean + self._variance_weight * off_variance))

        return measure

    def take(self, item: PlanItem) -> Tensor:  # noqa: ARG002
        terms, self._terms = self._terms, []
        assert terms, "take() comes after a forward pass"
        return torch.stack(terms).sum()


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """BatchNorm layers with running statistics, in the order of registration."""
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [layer for layer in layers if layer.running_mean is not None and layer.running_var is not None]


def require_batch_norm(teacher: Teacher, method: str) -> None:
    """Refuse a teacher that has no BatchNorm statistics to match.

    Raises:
        UserError: names the method and the teacher.
    """
    if not batch_norms(teacher.model):
        raise UserError(
            f"{method} matches BatchNorm statistics, and teacher '{teacher.name}' has no BatchNorm layer; "
            "squeeze one that has (resnet18, convnet3-bn)"
        )


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of every channel, each (C,), of features (B, C, ...)."""
    mean, variance = _Moments.apply(features)
    return mean, variance


class _Moments(torch.autograd.Function):
    """`torch.var_mean`, with one multiply-add over the features as its backward pass: a quarter of the time.

    With n values a channel: d mean / dx = 1/n and d variance / dx = 2 (x − mean) / n.
    """

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, variance = _mean_and_variance(features)
        ctx.save_for_backward(features, mean)
        return mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, mean_gradient: Tensor, variance_gradient: Tensor) -> Tensor:
        features, mean = ctx.saved_tensors
        count = features.numel() // features.shape[1]
        slope = variance_gradient * (2 / count)
        offset = mean_gradient / count - slope * mean
        return torch.addcmul(_along(offset, features), features, _along(slope, features))


def _mean_and_variance(features: Tensor) -> tuple[Tensor, Tensor]:
    dims = [dim for dim in range(features.ndim) if dim != 1]
    if features.is_cuda:
        variance, mean = torch.var_mean(features, dim=dims, correction=0)
        return mean, variance
    # On the CPU two passes are up to ten times faster than torch's one-pass (Welford) reduction.
    mean = features.mean(dims)
    return mean, (features - _along(mean, features)).square_().mean(dims)


def _along(values: Tensor, features: Tensor) -> Tensor:
    """(C,) to a shape that broadcasts against features (B, C, ...)."""
    return values.view(-1, *[1] * (features.ndim - 2))
