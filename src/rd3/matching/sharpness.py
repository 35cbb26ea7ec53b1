"""Steps towards flat minima: GSAM, on which FTD (arXiv 2211.11004) and DATM (arXiv 2310.05773) train their experts.

Zhuang et al. 2022, Surrogate Gap Minimization Improves Sharpness-Aware Training (ICLR, arXiv 2203.08065), algorithm 1;
adaptive as in Kwon et al. 2021, ASAM (ICML, arXiv 2102.11600).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-12


@dataclass(frozen=True)
class Sharpness:
    """How far a step looks around.

    Attributes:
        rho: length of the perturbation.
        alpha: weight of what the gradient has across the perturbed one: it is climbed.
        adaptive: whether the perturbation is in proportion to the parameters' magnitudes.
    """

    rho: float = 0.01
    alpha: float = 0.3
    adaptive: bool = True


def flat_gradient(
    parameters: Sequence[Tensor], gradient: Callable[[], tuple[Tensor, ...]], sharpness: Sharpness
) -> list[Tensor]:
    """g' − α g⊥: g' is the gradient at the perturbed parameters, g⊥ the part of the gradient that is across it.

    Args:
        parameters: where they are; moved and put back.
        gradient: of the loss, for the parameters as they are.
    """
    own = gradient()
    before = [parameter.detach().clone() for parameter in parameters]
    with torch.no_grad():
        for parameter, change in zip(parameters, _perturbation(before, own, sharpness), strict=True):
            parameter.add_(change)
    perturbed = gradient()
    with torch.no_grad():
        for parameter, value in zip(parameters, before, strict=True):
            parameter.copy_(value)
        return _combined(own, perturbed, sharpness.alpha)


def _perturbation(parameters: Sequence[Tensor], gradients: Sequence[Tensor], sharpness: Sharpness) -> list[Tensor]:
    scales = [value.abs() if sharpness.adaptive else torch.ones_like(value) for value in parameters]
    scaled = [scale * gradient for scale, gradient in zip(scales, gradients, strict=True)]
    factor = sharpness.rho / (_length(scaled) + EPSILON)
    return [factor * scale * part for scale, part in zip(scales, scaled, strict=True)]


def _combined(own: Sequence[Tensor], perturbed: Sequence[Tensor], alpha: float) -> list[Tensor]:
    inner = torch.stack([(one * other).sum() for one, other in zip(own, perturbed, strict=True)]).sum()
    along = inner / (_length(perturbed) ** 2 + EPSILON)
    return [other - alpha * (one - along * other) for one, other in zip(own, perturbed, strict=True)]


def _length(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack([tensor.square().sum() for tensor in tensors]).sum().sqrt()
