"""Distances between the gradients that real and synthetic images give a network's parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Metric = Literal["unit-cosine", "cosine", "mse", "l1"]

EPSILON = 1e-6
"""In the denominators of cosines, as in DC's code."""


def gradient_distance(real: Sequence[Tensor], synthetic: Sequence[Tensor], metric: Metric) -> Tensor:
    """Distance of two lists of gradients, one tensor a parameter.

    Args:
        metric: `unit-cosine`, DC's: Σ over parameters and their output units of 1 − cos, where biases and normalisation
            layers count nothing; `cosine`: 1 − cos of everything as one vector; `mse` and `l1`: sums of squares and of
            absolute values of the difference.
    """
    return METRICS[metric](real, synthetic)


def _unit_cosine(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    distances = [
        _one_minus_cosine(one.flatten(1), other.flatten(1)).sum()
        for one, other in zip(real, synthetic, strict=True)
        if one.ndim > 1
    ]
    return torch.stack(distances).sum()


def _cosine(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    return _one_minus_cosine(_vector(real), _vector(synthetic))


def _mse(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    return (_vector(real) - _vector(synthetic)).square().sum()


def _l1(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    return (_vector(real) - _vector(synthetic)).abs().sum()


METRICS: dict[Metric, Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]] = {
    "unit-cosine": _unit_cosine,
    "cosine": _cosine,
    "mse": _mse,
    "l1": _l1,
}


def _one_minus_cosine(one: Tensor, other: Tensor) -> Tensor:
    product: Tensor = (one * other).sum(-1)
    lengths: Tensor = one.norm(dim=-1) * other.norm(dim=-1)  # type: ignore[no-untyped-call]
    return 1 - product / (lengths + EPSILON)


def _vector(gradients: Sequence[Tensor]) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def match_gradients(
    network: nn.Module,
    parameters: Sequence[Tensor],
    real: tuple[Tensor, Tensor],
    synthetic: tuple[Tensor, Tensor],
    *,
    metric: Metric,
) -> Tensor:
    """Distance of the gradients of the mean cross-entropy, with no gradient through the real images.

    Args:
        parameters: those of the network whose gradients are compared.
        real, synthetic: augmented normalised images and their labels.

    Returns:
        A scalar, differentiable in the synthetic images.
    """
    wanted = _gradients(network, parameters, *real, create_graph=False)
    found = _gradients(network, parameters, *synthetic, create_graph=True)
    return gradient_distance([gradient.detach() for gradient in wanted], found, metric)


def _gradients(
    network: nn.Module, parameters: Sequence[Tensor], images: Tensor, labels: Tensor, *, create_graph: bool
) -> tuple[Tensor, ...]:
    loss = F.cross_entropy(network(images), labels)
    return torch.autograd.grad(loss, list(parameters), create_graph=create_graph)
