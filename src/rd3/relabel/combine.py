"""One label out of several teachers' logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor


def combined(
    logits: Sequence[Tensor], *, how: Literal["mean", "norm-mean"] = "mean", weights: Sequence[float] | None = None
) -> Tensor:
    """The weighted mean of the teachers' logits.

    Args:
        logits: one float (B, C) a teacher.
        how: `norm-mean` first gives every matrix the mean of their Frobenius norms (G-VBSM, arXiv 2311.17950).
        weights: with the sum 1; None is equal ones.
    """
    if how == "norm-mean":
        logits = equal_norms(logits)
    if weights is not None:
        logits = [weight * each for weight, each in zip(weights, logits, strict=True)]
    total = logits[0]
    for each in logits[1:]:
        total = total + each
    return total / len(logits) if weights is None and len(logits) > 1 else total


def equal_norms(logits: Sequence[Tensor]) -> list[Tensor]:
    """Every matrix divided by its Frobenius norm and multiplied by the mean norm; zeros stay zeros."""
    norms = torch.stack([each.norm() for each in logits])
    scales = norms.mean() / norms.clamp_min(torch.finfo(norms.dtype).tiny)
    return [scale * each for scale, each in zip(scales, logits, strict=True)]
