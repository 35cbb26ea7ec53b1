"""Margin: real images whose two likeliest classes are nearly as likely.

Paper: Scheffer, Decomain, Wrobel, Active Hidden Markov Models for Information Extraction, IDA 2001; as a coreset in
    DeepCore (Guo et al., arXiv 2204.08499).
Config: nothing to set but the order.
Differences: ranks are taken within classes.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from rd3.methods.base import METHODS
from rd3.methods.coreset import ScoredByTeacher


@METHODS.add("margin")
class Margin(ScoredByTeacher):
    """By 1 − (p₁ − p₂), the two largest probabilities under the teacher."""

    title: ClassVar[str] = "Margin"
    paper: ClassVar[str] = "Scheffer et al., IDA 2001"

    @staticmethod
    def score(logits: Tensor) -> Tensor:
        largest = logits.softmax(1).topk(2, dim=1).values
        return 1 - (largest[:, 0] - largest[:, 1])
