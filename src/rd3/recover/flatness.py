"""Flatness: a teacher should say of the images what it says of their running average (EDC, arXiv 2404.13733)."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.recover.objective import Look, Loss, Objective
from rd3.recover.plan import PlanItem
from rd3.recover.precision import Precision, autocast, full


def with_average(objective: Objective, decay: float) -> Objective:
    """An objective whose looks hold the running average of the images, E ← d · E + (1 − d) · X from E = X₀.

    It is the average before the iteration's own images join it, as in the released code, so the first two iterations
    compare with the start.
    """

    def make(item: PlanItem, start: Tensor) -> Loss:
        loss, average = objective(item, start), None

        def averaged(look: Look) -> Tensor:
            nonlocal average
            images = look.images.detach()
            before = images.clone() if average is None else average
            average = decay * before + (1 - decay) * images
            return loss(dataclasses.replace(look, average=before))

        return averaged

    return make


class Flatness:
    """KL( softmax(g(Z̄) / T) ‖ softmax(f(Z) / T) ), the mean over images, Z̄ the average seen as Z is; no T².

    The gradient is that of the images alone. The released code takes the mean over classes too, so its weight w is
    w / classes here.

    Args:
        model: the network of `f`, with no hooks that may not see the average.
    """

    def __init__(self, model: nn.Module, *, temperature: float, precision: Precision = "float32") -> None:
        self._model, self._temperature, self._precision = model, temperature, precision

    def __call__(self, logits: Tensor, look: Look) -> Tensor:
        assert look.average is not None, "the objective needs with_average around it"
        with torch.no_grad(), autocast(self._precision, look.view.device):
            wanted = full(self._model(look.transform(look.average)))
        said = (logits / self._temperature).log_softmax(1)
        return F.kl_div(said, (wanted / self._temperature).softmax(1), reduction="batchmean")
