"""Regression of labels on a network's features: FRePo's view of training on the learned set.

Zhou, Nezhadarya & Ba 2022, Dataset Distillation using Neural Feature Regression (NeurIPS, arXiv 2206.00719), section 3.
"""

from __future__ import annotations

import torch
from torch import Tensor

REGULARISATION = 1e-6
"""Relative to the mean of the kernel's diagonal."""


def ridge_prediction(
    wanted: Tensor, features: Tensor, labels: Tensor, regularisation: float = REGULARISATION
) -> Tensor:
    """K(T, S) (K(S, S) + λ tr K(S, S) / n · I)⁻¹ y with the linear kernel of features.

    Args:
        wanted: features (M, D) of the images to predict.
        features: (n, D), of the learned images.
        labels: (n, classes), theirs.
    """
    kernel = features @ features.T
    ridge = regularisation * kernel.diagonal().mean()
    identity = torch.eye(len(kernel), dtype=kernel.dtype, device=kernel.device)
    solution: Tensor = torch.linalg.solve(kernel + ridge * identity, labels)
    predicted: Tensor = wanted @ (features.T @ solution)
    return predicted


def regression_loss(prediction: Tensor, truth: Tensor) -> Tensor:
    """½ of the squared error of a row, mean over rows (M, classes)."""
    return 0.5 * (prediction - truth).square().sum(1).mean()


def margin_loss(labels: Tensor) -> Tensor:
    """−min(largest − second largest, 1 / classes), mean over labels (n, classes): it keeps them apart."""
    top = labels.topk(2, dim=1).values
    return -(top[:, 0] - top[:, 1]).clamp_max(1 / labels.shape[1]).mean()


def centred(labels: Tensor, classes: int) -> Tensor:
    """(one-hot − 1/classes) / √(classes/10), (n, classes)."""
    onehot = torch.nn.functional.one_hot(labels, classes).float()
    scaled: Tensor = (onehot - 1 / classes) / (classes / 10) ** 0.5
    return scaled
