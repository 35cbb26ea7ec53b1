"""EDC: elucidated design choices, with statistics half of all classes and half of the batch's.

Paper: Shao et al., Elucidating the Design Space of Dataset Condensation, NeurIPS 2024, arXiv 2404.13733.
Origin: https://github.com/shaoshitong/EDC
Config: G-VBSM's statistics from a real start (mosaics on ImageNet), half of them by class, crops of at least half the
    area, no roll, nothing dropped. Teachers: ImageNet G-VBSM's and AlexNet; CIFAR G-VBSM's and ConvNets of one block,
    two blocks and width 32; Tiny-ImageNet G-VBSM's. On CIFAR-10 only the settings for one image a class are known; for
    more, those of CIFAR-100 are taken (unverified).
Differences: as G-VBSM; class targets of tiles are not swapped (the reference saves mean and variance under each
    other's name). The released scripts give each of several GPUs its part of a batch, with statistics of its own
    (ImageNet 4 x 20, CIFAR-100 and Tiny-ImageNet 4 x 25); `batch_size = 20` is that. They switch the flatness term off;
    `flatness = w / classes` is their weight w, whose default is 1. PNG (the reference: JPEG on ImageNet and CIFAR-10).
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import (
    BatchingName,
    CombineName,
    Count,
    Fraction,
    InitName,
    MatchName,
    Positive,
    Probability,
)


@METHODS.add("edc")
class Edc(Decoupled):
    """Real images that several teachers in turn pull to statistics of all and of their own classes."""

    title: ClassVar[str] = "EDC"
    paper: ClassVar[str] = "arXiv 2404.13733"
    wants_pool: ClassVar[bool] = True
    aids: ClassVar[tuple[str, ...]] = ("teacher", "teacher pool")

    iterations: Count = 2000
    lr: Positive = 0.05
    init: InitName = "real"
    batching: BatchingName = "cm"
    combine: CombineName = "round-robin"
    match: MatchName = "bn_mix"
    conv: bool = True
    tile: Count = 4
    ema: Probability = 0.8
    crop_scale: Fraction = 0.5
    roll: Count = 0

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        if target.name == "imagenet-10":
            return {"iterations": 50, "init": "rded", "tile": 16, "ema": 0.0}
        if family(target) in ("imagenet", "imagenet-21k"):
            return {"iterations": 1000, "init": "rded", "tile": 16, "r_bn": 0.1, "batch_size": 80}
        if target.name == "cifar10":
            one = {"iterations": 75, "batch_size": 10} if ipc == 1 else {}
            return {"crop_scale": 0.08, **one}
        return {}
