"""IDC: gradients of mosaics, which are learned small and looked at enlarged, match those of real images.

Paper: Kim, Kim, Oh, Yun, Song, Jeong, Ha, Song, Dataset Condensation via Efficient Synthetic-Data Parameterization,
    ICML 2022, arXiv 2205.14959.
Origin: https://github.com/snu-mllab/Efficient-Dataset-Condensation
Config: the released settings by target; small grey sets and Tiny-ImageNet are inferred. IDC-I is `factor=1`.
Differences: a ConvNet at every size, where the authors take a ResNet-10 with average pools on ImageNet; tiles
    start as averages of areas, not as every second pixel.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.formation import MultiFormation, RealTraining
from rd3.matching.gradients import Metric
from rd3.matching.learnable import Learnable
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import column
from rd3.methods.matched import Studio, for_target
from rd3.methods.matched_starts import MatchedMosaics
from rd3.training.augment.diffaug import DiffAug
from rd3.training.augment.dsa_operations import UNORDERED
from rd3.training.mix import CutMix

MANY = {"real_batch": 128, "network_batch": 128, "network_lr": 0.1, "network_weight_decay": 1e-4}
"""From 100 classes of ImageNet on."""


@METHODS.add("idc")
class IDC(MatchedMosaics):
    """Multi-formation gradient matching. IPC counts stored images; a student sees factor² times as many.

    Attributes:
        iterations: networks, each trained on real images between rounds.
        rounds: under one network; in each every class has one image update, then the network is trained.
        real_batch: real images of a class in a match.
        synthetic_batch: at most so many decoded images of a class in a match.
        image_lr: step size of SGD (momentum 0.5) on raw values; the authors' is for IPC 10, and in proportion.
        factor: tiles along a mosaic's side; 1 stores images as they are.
        metric: distance of the gradients of convolutions: `mse`, or `l1`.
        strategy: of the augmentation of matches, with one draw for all images; see `diffaug`.
        network_images: real images that train the network after a round.
        network_cutmix: probability that a batch of those is mixed; with it they have no cutout.
        network_epochs: over all real images before the first round.
        network_batch, network_lr, network_weight_decay: of the networks' SGD (momentum 0.9).
    """

    title: ClassVar[str] = "IDC"
    paper: ClassVar[str] = (
        "Dataset Condensation via Efficient Synthetic-Data Parameterization, ICML 2022, arXiv 2205.14959"
    )
    raw: ClassVar[bool] = True
    later: ClassVar[frozenset[str]] = frozenset({"network_batch", "network_lr", "network_weight_decay"})

    iterations: int = Field(default=2000, ge=1)
    rounds: int = Field(default=100, ge=1)
    real_batch: int = Field(default=64, ge=1)
    synthetic_batch: int = Field(default=128, ge=1)
    image_lr: float = Field(default=5e-3, gt=0)
    metric: Metric = "mse"
    strategy: str = "color_crop_cutout"
    network_images: int = Field(default=2000, ge=0)
    network_cutmix: float = Field(default=0.5, ge=0, le=1)
    network_epochs: int = Field(default=0, ge=0)
    network_batch: int = Field(default=64, ge=1)
    network_lr: float = Field(default=0.01, gt=0)
    network_weight_decay: float = Field(default=5e-4, ge=0)

    def unordered(self) -> str | None:
        return UNORDERED if {"scale", "rotate"} & {*self.strategy.split("_")} else None

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        if column(target) == "imagenet":
            many = target.num_classes >= 100
            own = {"iterations": 500, "metric": "l1", "network_images": 500, "network_cutmix": 1.0, "factor": 3}
            own |= MANY if many else {"network_epochs": 10}
            return own | {"image_lr": (1e-3 if many else 3e-3) * ipc / 10 * (target.size / 224) ** 2}
        if target.channels == 1:
            own = {"metric": "l1", "network_images": 500, "image_lr": 1e-4 * ipc / 10}
            digits = {"strategy": "color_crop", "network_cutmix": 0.0}
            return own if target.flip_keeps_class else own | digits
        return {"image_lr": 5e-3 * ipc / 10 * max(1.0, (target.size / 32) ** 2)}

    def algorithm(self, studio: Studio, learned: Learnable) -> MultiFormation:
        target = studio.task.target
        scene = self.scene(
            studio,
            learned,
            for_target(target, DiffAug(strategy=self.strategy, siamese=True)),
            synthetic_batch=self.synthetic_batch,
        )
        training = RealTraining(
            images=self.network_images,
            epochs=self.network_epochs,
            batch=self.network_batch,
            lr=self.network_lr,
            weight_decay=self.network_weight_decay,
            augmentation=for_target(target, DiffAug(strategy=self._network_strategy())),
            mix=CutMix(p=self.network_cutmix) if self.network_cutmix else None,
        )
        return MultiFormation(scene, rounds=self.rounds, metric=self.metric, training=training)

    def _network_strategy(self) -> str:
        kept = [name for name in self.strategy.split("_") if name != "cutout" or not self.network_cutmix]
        return "_".join(kept)

    def learned_from(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return min(self.network_batch, len(target.train))

    def cost(self, target: Target, ipc: int) -> int:
        """A match differentiates twice through the learned images."""
        shown = min(self.synthetic_batch, ipc * self.factor**2)
        match = target.num_classes * (self.real_batch + 3 * shown)
        return self.iterations * (self.rounds * (match + self.network_images) + self.network_epochs * len(target.train))
