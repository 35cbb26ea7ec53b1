"""Distribution matching: the class means of random embeddings.

Zhao & Bilen 2023, Dataset Condensation with Distribution Matching (WACV), equations 4-6.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rd3.models.features import feature_extractor


def distribution_loss(real: Sequence[Tensor], synthetic: Sequence[Tensor]) -> Tensor:
    """L = Σ_c ‖mean f(real_c) − mean f(synthetic_c)‖².

    Args:
        real: for every class the embeddings (n_c, D).
        synthetic: for every class, in the same order, the embeddings (m_c, D).

    Returns:
        A scalar, differentiable in both.

    >>> distribution_loss([torch.tensor([[0.0, 2.0], [2.0, 2.0]])], [torch.tensor([[1.0, 0.0]])])
    tensor(4.)
    """
    difference = _means(real) - _means(synthetic)
    return difference.square().sum()


def _means(features: Sequence[Tensor]) -> Tensor:
    return torch.stack([part.mean(dim=0) for part in features])


def match_distributions(
    network: nn.Module, real: Sequence[Tensor], synthetic: Sequence[Tensor], classes: Sequence[int]
) -> Tensor:
    """The objective of DM: `distribution_loss` of a network's embeddings, with no gradient through the real images.

    Args:
        network: a classifier that ends in a linear layer; its parameters are not needed.
        real, synthetic: augmented normalised images, one tensor a class.
        classes: not used, since the embedding knows no labels.
    """
    del classes
    extract = feature_extractor(network)
    with torch.no_grad():
        real_features = extract(torch.cat(list(real)))
    synthetic_features = extract(torch.cat(list(synthetic)))
    return distribution_loss(
        torch.split(real_features, [len(part) for part in real]),
        torch.split(synthetic_features, [len(part) for part in synthetic]),
    )
