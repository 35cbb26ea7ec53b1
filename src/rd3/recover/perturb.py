"""Directed weight adjustment: a teacher that is moved away from where it recognises the start (DWA, 2409.17612)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.recover.objective import Loss, Objective, TeacherLoss
from rd3.recover.plan import PlanItem

PerturbReset = Literal["chunk", "slot"]
Climb = tuple[Tensor, Tensor]  # normalised images (B, C, H, W) and their labels (B,)
Before = Callable[[PlanItem], Iterable[Climb]]


def perturbed(loss: TeacherLoss, *, steps: int, radius: float, before: Before = lambda _: ()) -> Objective:
    """The loss under a teacher whose weights climbed the cross-entropy of the images that an item starts from.

    Every item begins with the given weights again.

    Args:
        steps: K; each goes radius / K along the gradient, whose norm over all weights is made 1.
        radius: ρ.
        before: what the teacher climbed on ahead of an item. It is climbed again for every item, so that an item's
            images do not depend on whether the others were made.
    """
    original = [weight.detach().clone() for weight in loss.model.parameters()]

    def make(item: PlanItem, start: Tensor) -> Loss:
        with torch.no_grad():
            for weight, value in zip(loss.model.parameters(), original, strict=True):
                weight.copy_(value)
        for images, labels in itertools.chain(before(item), [(start, item.labels)]):  # one after the other in memory
            for _ in range(steps):
                climb(loss.model, images.to(start.dtype), labels, radius / steps)
                loss.start(item)  # or its matches would hold the graph of every step
        return loss.start(item)

    return make


def earlier_chunks(plan: Sequence[PlanItem], start: Callable[[PlanItem], Tensor]) -> Before:
    """The chunks of classes that come before an item in its slot: in the released code the teacher goes through
    ImageNet's chunks with one set of weights, so that the perturbation grows (`perturb_reset` = `slot`).

    Args:
        start: the images that an item of the plan starts from.
    """

    def before(item: PlanItem) -> Iterable[Climb]:
        for other in plan:
            if other.index < item.index and int(other.slots[0]) == int(item.slots[0]):
                images = start(other)
                yield images, other.labels.to(images.device)

    return before


def climb(model: nn.Module, images: Tensor, labels: Tensor, length: float) -> None:
    """One step of a length up the gradient of the cross-entropy in all weights, in place."""
    weights = list(model.parameters())
    for weight in weights:
        weight.requires_grad_(True)
    loss = F.cross_entropy(model(images), labels)
    gradients = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm() + 1e-12
    scale = float(length / norm)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient, alpha=scale)
            weight.requires_grad_(False)
