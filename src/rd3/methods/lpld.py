"""LPLD: images of one class together, so that labels can be pruned.

Paper: Xiao and He, Are Large-scale Soft Labels Necessary for Large-scale Dataset Distillation?, NeurIPS 2024,
    arXiv 2410.15919.
Origin: https://github.com/he-y/soft-label-pruning-for-dataset-distillation
Config: SRe2L with batches of one class and that class's own BatchNorm statistics. The paper has ImageNet and
    Tiny-ImageNet; CIFAR's and smaller get SRe2L's settings (inferred).
Differences: class statistics are exact, from one pass over the training set (the reference: running averages of
    momentum .1 over one epoch). Pruning of labels is a matter of the protocol. PNG, not JPEG.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import BatchingName, MatchName

PAPER: dict[str, dict[str, Any]] = {
    "imagenet-21k": {"iterations": 2000, "lr": 0.05, "r_bn": 0.25},
    "imagenet": {},
    "tiny": {"lr": 0.1, "r_bn": 0.05, "roll_symmetric": True},
    "cifar": {"iterations": 1000, "crop": "none", "flip": False},
}


@METHODS.add("lpld")
class Lpld(Decoupled):
    """SRe2L class by class, with class-wise BatchNorm statistics."""

    title: ClassVar[str] = "LPLD"
    paper: ClassVar[str] = "arXiv 2410.15919"

    batching: BatchingName = "1c"
    match: MatchName = "bn_class"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"roll": usual_roll(target), **PAPER[family(target)]}
