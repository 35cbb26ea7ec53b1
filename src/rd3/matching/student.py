"""A network as a function of one vector of parameters, so that training can be differentiated."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.func import functional_call


class Student:
    """Logits of an architecture for a vector of parameters.

    Args:
        network: its own parameters are never used. BatchNorm takes the statistics of the batch, as trajectories have
            no others.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network.train().requires_grad_(False)
        self._names, values = zip(*network.named_parameters(), strict=True)
        self._shapes = [value.shape for value in values]
        self._counts = [value.numel() for value in values]

    def __call__(self, parameters: Tensor, images: Tensor) -> Tensor:
        """Logits (B, classes), differentiable in both.

        Args:
            parameters: (P,), in the order of `network.parameters()`.
            images: (B, C, H, W) as the network takes them.
        """
        parts = torch.split(parameters, self._counts)
        own = {name: part.view(shape) for name, part, shape in zip(self._names, parts, self._shapes, strict=True)}
        logits: Tensor = functional_call(self._network, own, (images,))
        return logits


def parameters_of(network: nn.Module) -> Tensor:
    """A copy of all parameters as one vector; a later step of an optimiser does not reach it."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
