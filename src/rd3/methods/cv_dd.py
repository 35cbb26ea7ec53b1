"""CV-DD: a committee of teachers votes on every image.

Paper: Cui et al., Dataset Distillation via Committee Voting, 2025, arXiv 2501.07575.
Origin: https://github.com/Jiacheng8/CV-DD
Config: SRe2L++ under two teachers at a time, weighted by softmax(prior / 5); the pool is ResNet-18, ResNet-50,
    ShuffleNetV2, MobileNetV2 and DenseNet-121 in this order. One image a class: the published pair; up to ten: pair by
    pair; more: a random pair for every slot.
Differences: as SRe2L++. Priors are the paper's where target and architectures are among its own, else equal.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import CombineName, InitName


@METHODS.add("cv-dd")
class CvDd(Decoupled):
    """SRe2L++ with a weighted pair of teachers for every slot."""

    title: ClassVar[str] = "CV-DD"
    paper: ClassVar[str] = "arXiv 2501.07575"
    wants_pool: ClassVar[bool] = True
    aids: ClassVar[tuple[str, ...]] = ("teacher", "teacher pool")

    init: InitName = "rded-medium"
    combine: CombineName = "pair"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        rule = "best" if ipc == 1 else "cycle" if ipc <= 10 else "random"
        return {"roll": usual_roll(target), "pair_rule": rule}
