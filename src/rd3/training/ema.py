"""Exponential moving average of a network's parameters."""

from __future__ import annotations

import copy
from typing import Literal

import torch
from torch import Tensor, nn


class ParameterAverage:
    """A copy of a network that follows it: e ← d·e + (1 − d)·θ after each optimiser step, from e = θ₀.

    torch's AveragedModel is not used because its first update takes θ₁ for the start.
    """

    def __init__(self, model: nn.Module, decay: float, *, buffers: Literal["online", "averaged"] = "online") -> None:
        """Start from the network as it is.

        Args:
            model: the network that is trained.
            decay: d in [0, 1).
            buffers: whether the copy's buffers (BatchNorm's statistics) are the network's, as in EDC's code
                (arXiv 2404.13733), or are averaged too; integer buffers are always copied.
        """
        assert 0 <= decay < 1, f"decay is in [0, 1), not {decay}"
        self._copy = copy.deepcopy(model).requires_grad_(False)
        self._decay = decay
        self._average_buffers = buffers == "averaged"

    def _averaged(self, model: nn.Module) -> list[Tensor]:
        buffers = (buffer for buffer in model.buffers() if buffer.is_floating_point())
        return [*model.parameters(), *(buffers if self._average_buffers else ())]

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Follow the network by one step."""
        torch._foreach_lerp_(self._averaged(self._copy), self._averaged(model), 1 - self._decay)

    @torch.no_grad()
    def network(self, model: nn.Module) -> nn.Module:
        """The averaged network, to be evaluated; always the same object, with `model`'s remaining buffers."""
        for mine, online in zip(self._copy.buffers(), model.buffers(), strict=True):
            if not (self._average_buffers and online.is_floating_point()):
                mine.copy_(online)
        return self._copy
