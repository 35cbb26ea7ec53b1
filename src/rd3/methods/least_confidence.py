"""Least confidence: real images whose likeliest class is least likely.

Paper: Lewis and Gale, A Sequential Algorithm for Training Text Classifiers, SIGIR 1994; as a coreset in DeepCore (Guo
    et al., arXiv 2204.08499).
Config: nothing to set but the order.
Differences: ranks are taken within classes.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from rd3.methods.base import METHODS
from rd3.methods.coreset import ScoredByTeacher


@METHODS.add("least-confidence")
class LeastConfidence(ScoredByTeacher):
    """By 1 − max p under the teacher."""

    title: ClassVar[str] = "Least confidence"
    paper: ClassVar[str] = "Lewis and Gale, SIGIR 1994"

    @staticmethod
    def score(logits: Tensor) -> Tensor:
        return 1 - logits.softmax(1).amax(1)
