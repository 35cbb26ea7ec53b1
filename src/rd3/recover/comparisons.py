"""How far measured statistics are from what they should be: ‖mean − mean*‖₂ + w ‖variance − variance*‖₂ over groups.

The norms are not squared. Every comparison takes the mean and the variance of a batch and the item it shows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from rd3.recover.plan import PlanItem
from rd3.squeeze.bank import ClassStatistics

Comparison = Callable[[Tensor, Tensor, PlanItem], Tensor]  # -> a scalar


def running(layer: _BatchNorm, variance_weight: float) -> Comparison:
    """To the running statistics of a BatchNorm layer."""

    def compare(mean: Tensor, variance: Tensor, item: PlanItem) -> Tensor:  # noqa: ARG001
        assert layer.running_mean is not None
        assert layer.running_var is not None
        return distance(mean - layer.running_mean, variance - layer.running_var, variance_weight)

    return compare


def overall(statistics: ClassStatistics, variance_weight: float) -> Comparison:
    """To the statistics of the whole training set."""
    target_mean, target_variance = statistics.overall()
    return lambda mean, variance, item: distance(  # noqa: ARG005
        mean - target_mean, variance - target_variance, variance_weight
    )


def half_of_classes(whole: Comparison, statistics: ClassStatistics, variance_weight: float) -> Comparison:
    """Half `whole`, half to the mean, over the batch's labels, of class averages of single images (EDC, 2404.13733)."""

    def compare(mean: Tensor, variance: Tensor, item: PlanItem) -> Tensor:
        target_mean, target_variance = statistics.mean[item.labels].mean(0), statistics.within[item.labels].mean(0)
        own = distance(mean - target_mean, variance - target_variance, variance_weight)
        return (whole(mean, variance, item) + own) / 2

    return compare


def of_classes(statistics: ClassStatistics, variance_weight: float) -> Comparison:
    """Every class in the batch to its own statistics, then the mean over classes (WMDD; LPLD has one class a batch).

    Takes moments of single images, (B, G) each.
    """

    def compare(means: Tensor, variances: Tensor, item: PlanItem) -> Tensor:
        classes = item.classes[0]
        mean, variance = class_moments(means, variances, item)
        offsets = mean - statistics.mean[classes], variance - statistics.variance[classes]
        return distance(*offsets, variance_weight).mean()

    return compare


def class_moments(means: Tensor, variances: Tensor, item: PlanItem) -> tuple[Tensor, Tensor]:
    """Moments of the classes in a batch from those of its images, all with equally many values.

    Args:
        means, variances: of the item's single images, (B, G) each.

    Returns:
        Mean and biased variance of every class of `item.classes`, (k, G) each.
    """
    classes, row, count = item.classes
    zeros = means.new_zeros(len(classes), means.shape[1])
    mean = zeros.index_add(0, row, means) / count[:, None]
    spread = variances + (means - mean[row]).square()
    return mean, zeros.index_add(0, row, spread) / count[:, None]


def distance(mean: Tensor, variance: Tensor, variance_weight: float) -> Tensor:
    """‖mean‖ + w ‖variance‖ over the last dimension of two differences."""
    # vector_norm has subgradient 0 where the difference is 0; a square root would give NaN there.
    off_mean: Tensor = torch.linalg.vector_norm(mean, dim=-1)
    off_variance: Tensor = torch.linalg.vector_norm(variance, dim=-1)
    return off_mean + variance_weight * off_variance
