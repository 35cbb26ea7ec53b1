"""EL2N: real images whose prediction is furthest from their label early in training.

Paper: Paul, Ganguli, Dziugaite, Deep Learning on a Data Diet: Finding Important Examples Early in Training, NeurIPS
    2021, arXiv 2107.07075.
Config: mean over 10 networks after 20 epochs, the paper's.
Differences: the networks have the teacher's architecture and the target's teacher recipe cut to these epochs, so their
    rate decays; ranks are taken within classes.
"""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from rd3.methods.base import METHODS
from rd3.methods.coreset import logits_of
from rd3.methods.young import ScoredInTraining
from rd3.squeeze.teacher import Teacher


@METHODS.add("el2n")
class El2n(ScoredInTraining):
    """By ‖p − y‖₂."""

    title: ClassVar[str] = "EL2N"
    paper: ClassVar[str] = "arXiv 2107.07075"

    @staticmethod
    def score(images: Tensor, labels: Tensor, network: Teacher) -> Tensor:
        return error_norm(logits_of(images, network), labels)


def error_norm(logits: Tensor, labels: Tensor) -> Tensor:
    """‖p − y‖₂ of every image, (b,)."""
    error: Tensor = logits.softmax(1) - F.one_hot(labels, logits.shape[1])
    norm: Tensor = torch.linalg.vector_norm(error, dim=1)
    return norm
