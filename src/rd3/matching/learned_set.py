"""Images, their labels and the learning rate that a student takes on them, learned together."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rd3.matching.unrolled import Found
from rd3.training.resumable import Carried


@dataclass(frozen=True)
class Rates:
    """Step sizes of SGD.

    Attributes:
        images, rate: with momentum .5, as MTT has both.
        labels: of logits.
        label_momentum: of those.
    """

    images: float
    rate: float
    labels: float = 0.0
    label_momentum: float = 0.9


class LearnedSet:
    """The distilled set of trajectory matching.

    Args:
        images: (N, C, H, W) as networks take them, class by class.
        labels: int64 (N,), which stay; or float logits (N, classes), which are learned.
        rate: the student's learning rate at the start.
    """

    def __init__(self, images: Tensor, labels: Tensor, *, rate: float, rates: Rates) -> None:
        self.images = images.detach().clone().requires_grad_()
        self.soft = labels.is_floating_point()
        self.labels = labels.detach().clone().requires_grad_(self.soft)
        self.rate = torch.tensor(rate, device=images.device, requires_grad=True)
        self._optimisers = {
            "images": torch.optim.SGD([self.images], lr=rates.images, momentum=0.5),
            "rate": torch.optim.SGD([self.rate], lr=rates.rate, momentum=0.5),
        }
        if self.soft:
            self._optimisers["labels"] = torch.optim.SGD([self.labels], rates.labels, momentum=rates.label_momentum)

    @property
    def leaves(self) -> list[Tensor]:
        """What is learned, the rate left out."""
        return [self.images, self.labels] if self.soft else [self.images]

    def loss(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Cross-entropy with the labels of some rows: −softmax(label) · log softmax(logits) where they are soft."""
        labels = self.labels[rows]
        return F.cross_entropy(logits, labels.softmax(dim=1) if self.soft else labels)

    def descend(self, found: Found) -> None:
        """One step on everything."""
        for leaf, gradient in zip([*self.leaves, self.rate], [*found.learned, found.rate], strict=True):
            leaf.grad = gradient
        for optimiser in self._optimisers.values():
            optimiser.step()

    def carried(self, generator: torch.Generator) -> Carried:
        """All that lasts from one iteration to the next, with the generator of what is drawn."""
        tensors = {"images": self.images, "rate": self.rate} | ({"labels": self.labels} if self.soft else {})
        return Carried(tensors, dict(self._optimisers), {"draws": generator})
