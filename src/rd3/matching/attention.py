"""Attention matching: where networks look, layer by layer, and the class means of their embeddings.

Sajedi et al. 2023, DataDAM: Efficient Dataset Distillation with Attention Matching (ICCV, arXiv 2310.00093).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.matching.distribution import distribution_loss
from rd3.models.features import feature_extractor

SCALE = 100.0
"""What both terms are multiplied by in the released code."""


@dataclass(frozen=True)
class AttentionMatching:
    """The objective of DataDAM: SCALE · (Σ layers ‖mean A − mean A'‖² + balance · ‖mean f − mean f'‖²), over classes.

    Attributes:
        power: p of the attention maps.
        balance: λ, weight of the embeddings.
    """

    power: float
    balance: float

    def __call__(
        self, network: nn.Module, real: Sequence[Tensor], synthetic: Sequence[Tensor], classes: Sequence[int]
    ) -> Tensor:
        del classes
        with torch.no_grad():
            wanted, wanted_embedding = self._seen(network, real)
        found, found_embedding = self._seen(network, synthetic)
        layers = [distribution_loss(one, other) for one, other in zip(wanted, found, strict=True)]
        return SCALE * (sum(layers) + self.balance * distribution_loss(wanted_embedding, found_embedding))

    def _seen(self, network: nn.Module, batches: Sequence[Tensor]) -> tuple[list[Sequence[Tensor]], Sequence[Tensor]]:
        """Attention maps of every layer but the last, and embeddings, each split by class."""
        counts = [len(batch) for batch in batches]
        activations, embedding = relu_outputs(network, torch.cat(list(batches)))
        maps = [attention(features, self.power) for features in activations[:-1]]
        return [torch.split(layer, counts) for layer in maps], torch.split(embedding, counts)


def attention(features: Tensor, power: float) -> Tensor:
    """Σ over channels of |F|^power, flattened and of unit length: (B, C, H, W) to (B, H·W)."""
    return F.normalize(features.abs().pow(power).sum(dim=1).flatten(1), dim=1)


def relu_outputs(network: nn.Module, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """What each ReLU on feature maps gives, in order, and the embedding."""
    outputs: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        if output.ndim == 4:
            outputs.append(output)

    handles = [module.register_forward_hook(keep) for module in network.modules() if isinstance(module, nn.ReLU)]
    try:
        embedding = feature_extractor(network)(images)
    finally:
        for handle in handles:
            handle.remove()
    return outputs, embedding
