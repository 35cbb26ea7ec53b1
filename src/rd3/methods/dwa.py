"""DWA: directed weight adjustment, for diversity.

Paper: Du et al., Diversity-Driven Synthesis: Enhancing Dataset Distillation through Directed Weight Adjustment,
    NeurIPS 2024, arXiv 2409.17612.
Origin: https://github.com/AngusDujw/Diversity-Driven-Synthesis
Config: SRe2L from real images, under a teacher that climbed its loss on them, with heavier variances.
Differences: the teacher climbs on the images as they are (the reference: as the first iteration shows them) and starts
    anew for every batch (the reference climbs on from chunk to chunk on ImageNet; `perturb_reset = slot`). PNG.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import Count, InitName, NotNegative

PAPER: dict[str, dict[str, Any]] = {
    "imagenet": {"var_w": 2.0, "perturb_steps": 15},
    "tiny": {"lr": 0.1, "batch_size": 200},
    "cifar": {"iterations": 1000, "crop": "none", "flip": False},
}


@METHODS.add("dwa")
class Dwa(Decoupled):
    """SRe2L from real images under a teacher that is moved away from where it recognises them."""

    title: ClassVar[str] = "DWA"
    paper: ClassVar[str] = "arXiv 2409.17612"

    iterations: Count = 2000
    init: InitName = "real"
    perturb_steps: Count = 12
    var_w: NotNegative = 11.0

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"roll": usual_roll(target), **PAPER[family(target).removesuffix("-21k")]}
