"""Soft labels of a batch: from a teacher, or from one fixed label an image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from rd3.training.order import Batch
from rd3.training.recipe import Recipe
from rd3.training.views import View

SoftLabels = Callable[[Tensor, Tensor], Tensor]  # (pictures in [0, 1] as the student sees them, image ids) -> logits

REMEMBERED_BYTES = 2**28


class Labeller:
    """Logits (B, classes) for the batches of a run.

    Labels of batches that come again are remembered up to `REMEMBERED_BYTES`, as asking the teacher again gives the
    same ones.

    Attributes:
        asked: pictures that were labelled online so far.
    """

    def __init__(self, recipe: Recipe, *, online: SoftLabels | None, static: Tensor | None) -> None:
        assert online is None or static is None, "labels are online or static"
        self._recipe = recipe
        self._online = online
        self._static = static
        self._remembered: dict[int, Tensor] = {}
        self._bytes = 0
        self.asked = 0

    def __bool__(self) -> bool:
        return self._online is not None or self._static is not None

    @torch.no_grad()
    def __call__(self, view: View, batch: Batch) -> Tensor:
        if self._static is not None:
            return self._mixed(self._static, view, batch)
        if batch.number not in self._remembered:
            return self._remember(self._asked(view, batch), batch.number)
        return self._remembered[batch.number]

    def _mixed(self, static: Tensor, view: View, batch: Batch) -> Tensor:
        own, weight = static[batch.indices], view.labels.weight
        if view.partner is None or weight is None:
            return own
        temperature = self._recipe.loss.temperature
        partner = own[view.partner]
        return mixed_logits(own, partner, weight, how=self._recipe.static_mix, temperature=temperature)

    def _asked(self, view: View, batch: Batch) -> Tensor:
        assert self._online is not None, "nobody labels"
        pictures = view.unmixed if self._recipe.label_input == "original" else view.pictures
        self.asked += len(pictures)
        return self._online(pictures, batch.indices)

    def _remember(self, logits: Tensor, number: int | None) -> Tensor:
        size = logits.numel() * logits.element_size()
        if number is not None and self._bytes + size <= REMEMBERED_BYTES:
            self._remembered[number] = logits
            self._bytes += size
        return logits


def mixed_logits(
    own: Tensor, partner: Tensor, weight: Tensor, *, how: Literal["probabilities", "logits"], temperature: float
) -> Tensor:
    """Logits (B, C) of mixed images from those of the two that each is made of.

    Args:
        weight: of `own`, 0-d; `partner` has the rest.
        how: `logits`: their weighted mean; `probabilities`: z with softmax(z / T) = the weighted mean of the two
            softmaxes at the temperature T.
    """
    if how == "logits":
        return weight * own + (1 - weight) * partner
    first, second = (F.log_softmax(logits / temperature, dim=1) for logits in (own, partner))
    return temperature * torch.logaddexp(weight.log() + first, (1 - weight).log() + second)
