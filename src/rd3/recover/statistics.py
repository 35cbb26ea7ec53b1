"""Statistics of feature maps inside a network, differentiable in the images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rd3.base.errors import UserError
from rd3.squeeze.readings import batch_norms
from rd3.squeeze.teacher import Teacher


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
