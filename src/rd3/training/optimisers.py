"""Optimisers: torch's kernels, with the parameter groups that post-evaluation code uses."""

from __future__ import annotations

from typing import Any, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import nn

from rd3.base.spec import Spec
from rd3.training.fused import FusedAdam, FusedSGD, FusedSteps


class Optimiser(Spec):
    """An optimiser by name. A kind ignores the settings that are not its own.

    Attributes:
        lr: what a schedule's factor multiplies.
        kind: `sgd`, `adam` (weight decay as an L2 term of the gradient) or `adamw` (decoupled weight decay).
        momentum, nesterov: of `sgd`.
        betas, eps: of `adam` and `adamw`.
        wd_exclude_1d: decay only parameters with 'weight' in their name and more than one dimension, that is not
            biases and normalisation layers.
    """

    kind: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0)
    momentum: float = Field(default=0.0, ge=0, lt=1)
    nesterov: bool = False
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = Field(default=1e-8, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    wd_exclude_1d: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas = {self.betas}: allowed is 0 <= beta < 1")
        if self.kind == "sgd" and self.nesterov and self.momentum == 0:
            raise ValueError("nesterov = True: needs momentum > 0")
        return self

    def build(self, model: nn.Module) -> FusedSteps:
        """A new optimiser over the model's trainable parameters."""
        groups = parameter_groups(model, self.weight_decay, exclude_1d=self.wd_exclude_1d)
        if self.kind == "sgd":
            return FusedSGD(groups, lr=self.lr, momentum=self.momentum, nesterov=self.nesterov)
        return FusedAdam(groups, lr=self.lr, betas=self.betas, eps=self.eps, decoupled=self.kind == "adamw")


def parameter_groups(model: nn.Module, weight_decay: float, *, exclude_1d: bool) -> list[dict[str, Any]]:
    """Trainable parameters with and without decay; a group without parameters is left out."""
    decayed: list[torch.Tensor] = []
    free: list[torch.Tensor] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            keep = not exclude_1d or ("weight" in name and parameter.ndim > 1)
            (decayed if keep else free).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]
