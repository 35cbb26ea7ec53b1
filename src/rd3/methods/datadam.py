"""DataDAM: random networks look at real and learned images in the same places.

Paper: Sajedi, Khaki, Amjadian, Liu, Lawryshyn, Plataniotis, DataDAM: Efficient Dataset Distillation with Attention
    Matching, ICCV 2023, arXiv 2310.00093.
Origin: https://github.com/DataDistillation/DataDAM
Config: the paper's: power 4, InstanceNorm, 8000 iterations. The code as released: `attention_power=1
    network=convnet3-bn iterations=20000`.
Differences: real images a class are the code's 64 (the paper's number is unverified); no ZCA; no start from clustered
    images, whose files are not part of the method.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.attention import AttentionMatching
from rd3.matching.summed import Objective
from rd3.methods.base import METHODS
from rd3.methods.matched_starts import MatchedSums


@METHODS.add("datadam")
class DataDAM(MatchedSums):
    """Attention matching.

    Attributes:
        iterations: image updates, each with a fresh random network.
        image_lr: step size of SGD (momentum 0.5) on the normalised images; 10 above IPC 50.
        attention_power: p of the attention maps Σ|F|^p.
        balance: λ, weight of the embeddings' distance; .02 from 128 px on.
        init, augment: as in `MatchedImages`.
    """

    title: ClassVar[str] = "DataDAM"
    paper: ClassVar[str] = (
        "DataDAM: Efficient Dataset Distillation with Attention Matching, ICCV 2023, arXiv 2310.00093"
    )

    iterations: int = Field(default=8000, ge=1)
    real_batch: int = Field(default=64, ge=1)
    image_lr: float = Field(default=1.0, gt=0)
    attention_power: float = Field(default=4.0, gt=0)
    balance: float = Field(default=0.01, ge=0)

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        rate = {"image_lr": 10.0} if ipc > 50 else {}
        return rate | ({"balance": 0.02} if target.size >= 128 else {})

    @property
    def objective(self) -> Objective:
        return AttentionMatching(power=self.attention_power, balance=self.balance)
