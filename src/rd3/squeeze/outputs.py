"""Networks with outputs for more classes than the target has."""

from __future__ import annotations

from torch import Tensor, nn


class TargetOutputs(nn.Module):
    """The outputs of a wide network that belong to the target's classes: its first ones.

    The others stay behind them, for those who optimise images: where ten outputs of a thousand decide, an image that
    looks like none of the ten, and like an eleventh most of all, can be taken for any of them.
    """

    def __init__(self, network: nn.Module, classes: int, outputs: int) -> None:
        super().__init__()
        self.network = network
        self.classes, self.outputs = classes, outputs

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(images)
        return logits[:, : self.classes]


def all_outputs(model: nn.Module) -> nn.Module:
    """The network with its further outputs behind those of the target's classes, where it has any."""
    return model.network if isinstance(model, TargetOutputs) else model


def output_count(model: nn.Module) -> int | None:
    """How many outputs there are in all, None where they are the target's classes."""
    return model.outputs if isinstance(model, TargetOutputs) else None
