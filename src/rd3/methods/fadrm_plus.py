"""FADRM+: FADRM under several teachers in turn.

Paper: Cui et al., FADRM: Fast and Accurate Data Residual Matching for Dataset Distillation, NeurIPS 2025,
    arXiv 2506.24125.
Origin: https://github.com/Jiacheng8/FADRM
Config: four teachers, ResNet-18, DenseNet-121, ShuffleNetV2 and MobileNetV2, one an iteration; four stages everywhere.
    With one image a class the paper has AlexNet for DenseNet-121 on ImageNet and no DenseNet-121 on Tiny-ImageNet.
Differences: as FADRM. Turns run on from batch to batch (the reference begins each with the first teacher; with four
    teachers and 2000 iterations that is the same). A teacher without BatchNorm (AlexNet) acts with its
    cross-entropy alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.methods.fadrm import stage_sizes
from rd3.recover.switches import CombineName, Count, Fraction, InitName


@METHODS.add("fadrm+")
class FadrmPlus(Decoupled):
    """FADRM with a pool of teachers that take turns."""

    title: ClassVar[str] = "FADRM+"
    paper: ClassVar[str] = "arXiv 2506.24125"
    wants_pool: ClassVar[bool] = True
    aids: ClassVar[tuple[str, ...]] = ("teacher", "teacher pool")

    iterations: Count = 2000
    init: InitName = "rded-medium"
    residual: Fraction = 0.5
    combine: CombineName = "round-robin"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"roll": usual_roll(target), "stage_sizes": stage_sizes(target.size)}
