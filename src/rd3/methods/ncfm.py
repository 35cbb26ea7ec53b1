"""NCFM: features of mosaics get the characteristic function of real ones, and trained networks recognise them.

Paper: Wang, Yang, Liu, Wang, Hu, Liu, Chen, Zhang, Dataset Distillation with Neural Characteristic Function: A Minmax
    Perspective, CVPR 2025, arXiv 2502.20653.
Origin: https://github.com/gszfwsb/NCFM
Config: the configuration files first released: frequencies from a normal distribution. `frequencies_from=network` is
    the paper's min-max, a network that learns where the sets differ.
Differences: networks are trained when they are first drawn; every frequency of the network has noise of its own; tiles
    start as averages of areas, not as every second pixel.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.matching.characteristic import FrequencyNetwork
from rd3.matching.characteristic_matching import CharacteristicMatching, CharacteristicPlan
from rd3.matching.learnable import Learnable, OptimiserOf
from rd3.matching.trained_networks import TrainedNetworks
from rd3.methods.base import METHODS, Task
from rd3.methods.benchmarks import column, listed_ipc
from rd3.methods.matched import Studio, for_target
from rd3.methods.matched_starts import MatchedMosaics
from rd3.models.features import last_linear
from rd3.training.augment.diffaug import DiffAug
from rd3.training.loop import Normalisation, fit
from rd3.training.losses import Loss
from rd3.training.mix import CutMix
from rd3.training.optimisers import Optimiser
from rd3.training.recipe import Recipe
from rd3.training.schedules import Schedule

STRATEGY = "color_crop_cutout"


@METHODS.add("ncfm")
class NCFM(MatchedMosaics):
    """Characteristic-function matching. IPC counts stored images; a student sees factor² times as many.

    Attributes:
        iterations: in each every class has one image update on the discrepancy and one on the calibration.
        image_lr: step size on raw values, halved where the loss does not fall for 500 iterations.
        optimiser: of the images: `adamw` (decay 5e-4), or `sgd` (momentum .5).
        factor: tiles along a mosaic's side; 1 stores images as they are.
        networks: trained networks; each iteration takes one of them, between its untrained and its trained weights.
        network_epochs, network_batch: of their training on the target.
        frequencies: in one discrepancy.
        frequencies_from: a `normal` distribution, or a `network` that learns them against the images.
        amplitude, phase: weights of the discrepancy's two terms.
        calibration: weight of the trained network's cross-entropy on the images; 0 leaves it out.
    """

    title: ClassVar[str] = "NCFM"
    paper: ClassVar[str] = (
        "Dataset Distillation with Neural Characteristic Function: A Minmax Perspective, CVPR 2025, arXiv 2502.20653"
    )
    raw: ClassVar[bool] = True
    revision: ClassVar[int] = 2

    iterations: int = Field(default=20_000, ge=1)
    real_batch: int = Field(default=1024, ge=1)
    image_lr: float = Field(default=1e-3, gt=0)
    optimiser: Literal["adamw", "sgd"] = "adamw"
    networks: int = Field(default=20, ge=1)
    network_epochs: int = Field(default=60, ge=1)
    network_batch: int = Field(default=128, ge=1)
    frequencies: int = Field(default=4096, ge=2)
    frequencies_from: Literal["normal", "network"] = "normal"
    amplitude: float = Field(default=0.5, ge=0)
    phase: float = Field(default=0.5, ge=0)
    calibration: float = Field(default=1.0, ge=0)

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        if column(target) == "cifar100" and listed_ipc(ipc) == 10:
            return {"optimiser": "sgd", "image_lr": 0.01}
        return {}

    def descent(self) -> OptimiserOf:
        if self.optimiser == "sgd":
            return super().descent()
        return lambda values: torch.optim.AdamW(values, lr=self.image_lr, weight_decay=5e-4)

    def algorithm(self, studio: Studio, learned: Learnable) -> CharacteristicMatching:
        task = studio.task
        scene = self.scene(studio, learned, for_target(task.target, DiffAug(strategy=STRATEGY, siamese=True)))
        trained = TrainedNetworks(scene.networks, lambda number, network: self._train(task, number, network))
        plan = CharacteristicPlan(
            networks=self.networks,
            frequencies=self.frequencies,
            amplitude=self.amplitude,
            phase=self.phase,
            calibration=self.calibration,
        )
        return CharacteristicMatching(scene, trained, plan, sampler=self._sampler(task))

    def _sampler(self, task: Task) -> FrequencyNetwork | None:
        if self.frequencies_from == "normal":
            return None
        dimension = last_linear(self.random_network(task, 0)).in_features
        network = FrequencyNetwork(dimension, seed=derive_seed("ncfm frequencies", task.seed))
        return network.to(task.device)

    def _train(self, task: Task, number: int, network: nn.Module) -> None:
        target = task.target
        fit(
            network,
            target.train.to(task.device),
            self.network_recipe(target),
            normalisation=Normalisation(target.mean, target.std),
            seed=derive_seed("ncfm network", task.seed, number),
        )

    def network_recipe(self, target: Target) -> Recipe:
        """How networks are trained."""
        augmentation = for_target(target, DiffAug(strategy="color_crop"))
        return Recipe(
            epochs=self.network_epochs,
            batch_size=self.network_batch,
            augment=() if augmentation is None else (augmentation,),
            mix=CutMix(p=0.5),
            optimiser=Optimiser(kind="sgd", lr=0.01, momentum=0.9, weight_decay=5e-4),
            schedule=Schedule(kind="multistep", milestones=(2 / 3, 5 / 6), decay=0.2),
            loss=Loss(kind="ce"),
        )

    def learned_from(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return min(self.network_batch, len(target.train))

    @property
    def networks_held(self) -> int:
        return self.networks + 4

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        match = target.num_classes * (2 * ipc * self.factor**2 + -(-self.real_batch // 3))
        networks = min(self.networks, self.iterations) * self.network_epochs * len(target.train)
        return self.iterations * match + networks
