"""Directed weight adjustment: a teacher that is moved away from where it recognises the start (DWA, 2409.17612)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.recover.objective import Loss, Objective, TeacherLoss
from rd3.recover.plan import PlanItem


def perturbed(loss: TeacherLoss, *, steps: int, radius: float) -> Objective:
    """The loss under a teacher whose weights climbed the cross-entropy of the images that an item starts from.

    Every item begins with the given weights again. In the released code they are kept from one chunk of classes to the
    next on ImageNet, so that the perturbation grows.

    Args:
        steps: K; each goes radius / K along the gradient, whose norm over all weights is made 1.
        radius: ρ.
    """
    original = [weight.detach().clone() for weight in loss.model.parameters()]

    def make(item: PlanItem, start: Tensor) -> Loss:
        with torch.no_grad():
            for weight, value in zip(loss.model.parameters(), original, strict=True):
                weight.copy_(value)
        for _ in range(steps):
            climb(loss.model, start, item.labels, radius / steps)
            loss.start(item)  # or its matches would hold the graph of every step
        return loss.start(item)

    return make


def climb(model: nn.Module, images: Tensor, labels: Tensor, length: float) -> None:
    """One step of a length up the gradient of the cross-entropy in all weights, in place."""
    weights = list(model.parameters())
    for weight in weights:
        weight.requires_grad_(True)
    loss = F.cross_entropy(model(images), labels)
    gradients = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm() + 1e-12
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient, alpha=float(length / norm))
            weight.requires_grad_(False)
