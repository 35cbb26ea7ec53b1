"""Data densification: images of a class should not repeat each other (G-VBSM, arXiv 2311.17950)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rd3.recover.objective import Look

SIDE = 32  # images are compared at this side, or their own where it is smaller
TEMPERATURE = 4.0


def densification(look: Look) -> Tensor:
    """Σ over classes of KL(softmax(λ / 4) ‖ softmax(λ)), λ the eigenvalues of the Gram matrix of a class's images.

    It flattens the spectrum. As in the released code the softened side is a constant; a class with one image gives 0.
    """
    side = min(SIDE, look.view.shape[-1])
    rows = F.adaptive_avg_pool2d(look.view, (side, side)).flatten(1)
    terms = [
        spectrum_term(rows[look.item.labels == label])
        for label, count in zip(*look.item.labels.unique(return_counts=True), strict=True)
        if count > 1
    ]
    return torch.stack(terms).sum() if terms else look.view.new_zeros(())


def spectrum_term(rows: Tensor) -> Tensor:
    """The term of one class from its images as vectors (n, d)."""
    eigenvalues = torch.linalg.eigvalsh(rows @ rows.T)
    softened = (eigenvalues / TEMPERATURE).softmax(0).detach()
    return F.kl_div(eigenvalues.log_softmax(0), softened, reduction="sum")
