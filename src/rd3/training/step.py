"""The gradient of one batch, whole or in parts."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from rd3.training.execution import PLAIN, Execution
from rd3.training.losses import Labels, Loss
from rd3.training.recipe import Recipe


def add_gradients(
    model: nn.Module,
    inputs: Tensor,
    labels: Labels,
    *,
    loss: Loss,
    recipe: Recipe,
    execution: Execution = PLAIN,
) -> None:
    """Add those of a batch to the parameters' gradients; parts of `micro_batch` go through the network one by one.

    Args:
        inputs: what the network takes, (B, C, H, W).
    """
    for pictures, own, weight in _parts(inputs, labels, recipe):
        if recipe.double_bn_update:
            with torch.no_grad():
                execution.forward(model, pictures)
        value = loss(execution.forward(model, pictures), own)
        (value if weight == 1 else weight * value).backward()


def _parts(inputs: Tensor, labels: Labels, recipe: Recipe) -> Iterator[tuple[Tensor, Labels, float]]:
    """(pictures, labels, weight of their mean loss)."""
    size = recipe.micro_batch
    if size is None:
        yield inputs, labels, 1.0
        return
    nominal = 1 / -(-recipe.batch_size // size)  # whatever the set has: released code counts in its settings
    for start in range(0, len(inputs), size):
        rows = slice(start, start + size)
        pictures = inputs[rows]
        share = len(pictures) / len(inputs)
        yield pictures, labels.part(rows), nominal if recipe.accumulation == "nominal" else share
