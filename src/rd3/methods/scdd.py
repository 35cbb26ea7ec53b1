"""SCDD: the squeeze is self-supervised.

Paper: Zhou, Yin, Shao, Shen, Self-supervised Dataset Distillation: A Good Compression Is All You Need, 2024,
    arXiv 2404.07976.
Origin: https://github.com/VILA-Lab/SRe2L (folder SCDD)
Config: SRe2L in 1000 iterations under a teacher that the user brings: a self-supervised backbone (MoCo, SwAV, DINO)
    with a linear probe, which `rd3 squeeze --probe` trains. Another, supervised teacher labels, which is a matter of
    the evaluation. ImageNet's rate is the paper's table; the released script has .1, and batches of 50. Tiny-ImageNet's
    coefficient of the statistics is unverified.
Differences: that the teacher is self-supervised cannot be told from its weights. PNG, not JPEG.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import Count

PAPER: dict[str, dict[str, Any]] = {
    "imagenet": {},
    "tiny": {"lr": 0.6},
    "cifar": {"lr": 0.4, "r_bn": 0.005, "crop": "none", "flip": False},
}


@METHODS.add("scdd")
class Scdd(Decoupled):
    """SRe2L under a self-supervised teacher."""

    title: ClassVar[str] = "SCDD"
    paper: ClassVar[str] = "arXiv 2404.07976"

    iterations: Count = 1000

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"roll": usual_roll(target), **PAPER[family(target).removesuffix("-21k")]}
