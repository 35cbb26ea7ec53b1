"""G-VBSM: generalised matching of various backbones and statistics.

Paper: Shao et al., Generalized Large-Scale Data Condensation via Various Backbone and Statistical Matching,
    CVPR 2024, arXiv 2311.17950.
Origin: https://github.com/shaoshitong/G_VBSM_Dataset_Condensation
Config: teachers in turn (ImageNet: ResNet-18, MobileNetV2, EfficientNet-B0, ShuffleNetV2-0.5; smaller: ResNet-18,
    ConvNetW128, MobileNetV2, WRN-16-2, ShuffleNetV2-0.5); BatchNorm statistics, and channel and tile statistics of what
    enters convolutions, averaged over iterations; classes kept dense. Tiles are 16 px on ImageNet, else 4.
Differences: targets at convolutions are exact over the training set (the reference: means over augmented mini-batches);
    averages start at the first value and anew for every batch of images (the reference: at 0, and run on;
    `ema_first = zero`); one batch is not split over GPUs (the scripts have two: `batch_size = 40` on ImageNet, 50 on
    CIFAR-100 and Tiny-ImageNet, is the same). Images below 32 px are not enlarged for densification.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import BatchingName, CombineName, Count, CropName, NotNegative, Positive, Probability


@METHODS.add("g-vbsm")
class GVbsm(Decoupled):
    """Noise that several teachers in turn pull to many statistics."""

    title: ClassVar[str] = "G-VBSM"
    paper: ClassVar[str] = "arXiv 2311.17950"
    wants_pool: ClassVar[bool] = True
    aids: ClassVar[tuple[str, ...]] = ("teacher", "teacher pool")

    lr: Positive = 0.05
    batching: BatchingName = "cm"
    combine: CombineName = "round-robin"
    conv: bool = True
    tile: Count = 4
    ema: Probability = 0.8
    drop: Probability = 0.4
    crop: CropName = "pad"
    densify: NotNegative = 1.0

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        if family(target) in ("imagenet", "imagenet-21k"):
            return {"lr": 0.1, "batch_size": 80, "tile": 16, "ema": 0.4, "drop": 0.0, "crop": "rrc"}
        return {"padding": target.size // 8, "roll": min(32, target.size)}
