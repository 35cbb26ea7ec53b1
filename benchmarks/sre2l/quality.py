"""How well recovered images do what they were optimised for: the teacher's loss on them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import rd3

FIRST = 10.0  # weight of the first layer


def quality(teacher: rd3.Teacher, images: Tensor, labels: Tensor) -> dict[str, float]:
    """Cross-entropy, distance of the BatchNorm statistics, and the share that the teacher classifies as asked.

    Args:
        images: float (N, 3, H, W) in [0, 1]; they are rounded to 8 bits first, as a file would.
    """
    terms: list[Tensor] = []

    def compare(layer: nn.Module, given: tuple[Tensor, ...], _: Tensor) -> None:
        assert isinstance(layer, nn.BatchNorm2d)
        assert layer.running_var is not None
        assert layer.running_mean is not None
        found = given[0].transpose(0, 1).flatten(1)
        variance = torch.linalg.vector_norm(layer.running_var - found.var(1, unbiased=False))
        terms.append(torch.linalg.vector_norm(layer.running_mean - found.mean(1)) + variance)

    layers = [layer for layer in teacher.model.modules() if isinstance(layer, nn.BatchNorm2d)]
    hooks = [layer.register_forward_hook(compare) for layer in layers]
    with torch.no_grad():
        logits = teacher.logits((images * 255).round() / 255)
    for hook in hooks:
        hook.remove()
    return {
        "cross_entropy": float(F.cross_entropy(logits, labels)),
        "statistics": float(FIRST * terms[0] + sum(terms[1:])),
        "as_asked": float((logits.argmax(1) == labels).float().mean()),
    }
