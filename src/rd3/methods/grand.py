"""GraNd: real images with the largest gradient early in training.

Paper: Paul, Ganguli, Dziugaite, Deep Learning on a Data Diet: Finding Important Examples Early in Training, NeurIPS
    2021, arXiv 2107.07075.
Config: mean over 10 networks after 20 epochs, as EL2N.
Differences: as EL2N; the gradient is that of the last linear layer alone, as in DeepCore (Guo et al.,
    arXiv 2204.08499): ‖p − y‖ √(‖h‖² + 1) for the embedding h and the bias.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from rd3.methods.base import METHODS
from rd3.methods.coreset import logits_of
from rd3.methods.el2n import error_norm
from rd3.methods.young import ScoredInTraining
from rd3.models.features import embed, last_linear
from rd3.squeeze.teacher import Teacher


@METHODS.add("grand")
class Grand(ScoredInTraining):
    """By the norm of the cross-entropy's gradient in the last linear layer."""

    title: ClassVar[str] = "GraNd"
    paper: ClassVar[str] = "arXiv 2107.07075"

    @staticmethod
    def score(images: Tensor, labels: Tensor, network: Teacher) -> Tensor:
        embedding = embed(network.model, images).double()
        bias = 0 if last_linear(network.model).bias is None else 1
        inputs = (embedding.square().sum(1) + bias).sqrt()
        return error_norm(logits_of(images, network), labels) * inputs
