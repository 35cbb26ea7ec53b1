"""DELT: images join the optimisation early or late, for diversity.

Paper: Shen et al., DELT: A Simple Diversity-driven EarlyLate Training for Dataset Distillation, CVPR 2025,
    arXiv 2411.19946.
Origin: https://github.com/VILA-Lab/DELT
Config: CDA from real images of medium difficulty, without roll; eight rounds of 500 iterations. With one image a class
    nothing joins late.
Differences: starts are the target's own pictures (the reference shows them to its ranker with ImageNet's statistics).
    A batch of late images only waits for its first round (the reference shortens its schedule). PNG, not JPEG.
"""

from __future__ import annotations

from typing import ClassVar

from rd3.methods.base import METHODS
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import BatchingName, Count, CropName, InitName


@METHODS.add("delt")
class Delt(Decoupled):
    """CDA on real images that join in rounds, the one nearest to the median first."""

    title: ClassVar[str] = "DELT"
    paper: ClassVar[str] = "arXiv 2411.19946"

    init: InitName = "medium"
    batching: BatchingName = "cm"
    crop: CropName = "cda"
    roll: Count = 0
    round_iterations: Count = 500
