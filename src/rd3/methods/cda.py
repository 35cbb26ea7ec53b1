"""CDA: curriculum data augmentation.

Paper: Yin and Shen, Dataset Distillation via Curriculum Data Synthesis in Large Data Era, TMLR 2024, arXiv 2311.18838.
Origin: https://github.com/VILA-Lab/SRe2L (folder CDA)
Config: SRe2L with crops that become smaller by a cosine over all iterations. The paper has ImageNet-1K, ImageNet-21K
    and Tiny-ImageNet; CIFAR's and smaller get SRe2L's step sizes (inferred).
Differences: on ImageNet-21K the reference optimises un-normalised pixels; here always those the teacher expects.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import CropName

PAPER: dict[str, dict[str, Any]] = {
    "imagenet-21k": {"iterations": 2000, "lr": 0.05, "r_bn": 0.25},
    "imagenet": {},
    "tiny": {"lr": 0.4, "r_bn": 0.05},
    "cifar": {"iterations": 1000},
}


@METHODS.add("cda")
class Cda(Decoupled):
    """SRe2L from whole images to small crops."""

    title: ClassVar[str] = "CDA"
    paper: ClassVar[str] = "arXiv 2311.18838"

    crop: CropName = "cda"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"roll": usual_roll(target), **PAPER[family(target)]}
