"""FRePo: real labels are regressed on the features of the learned images, under networks that learn from these.

Paper: Zhou, Nezhadarya, Ba, Dataset Distillation using Neural Feature Regression, NeurIPS 2022, arXiv 2206.00719.
Origin: https://github.com/yongchao97/FRePo
Config: the paper's and the code's; `flip` by data set, on at IPC 1 only (CIFAR-10's is inferred). Grey images are
    normalised, others whitened.
Protocol: frepo.yaml, with a student that has no normalisation layers.
Differences: ConvNets of one width with BatchNorm before the activation, where the authors' double their width from
    block to block and normalise before the convolution; DSA with a cutout of a quarter of the side in place of their
    own augmentation of the networks' batches (unverified: whether they augment these); BatchNorm sees batches in every
    pass (unverified).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.matching.feature_regression import FeatureRegression, RegressionPlan
from rd3.matching.inputs import Inputs, RealImages, inputs_of
from rd3.matching.loop import learn
from rd3.matching.pixels import quantised
from rd3.methods.base import METHODS, Distilled, Method, Task, require_enough
from rd3.methods.matched import for_target, network_for, summary
from rd3.methods.trajectory_memory import regression_bytes
from rd3.models import create_model
from rd3.models.footprint import bound
from rd3.training.augment.dsa import DSA
from rd3.training.losses import frepo_scale


@METHODS.add("frepo")
class FRePo(Method):
    """Neural feature regression with learned, centred soft labels.

    Attributes:
        network: of the pool; None is the ConvNet with BatchNorm for the target's size.
        iterations: each takes one step on images and labels, and one of a network on them.
        real_batch: real images whose labels are predicted in an iteration.
        image_lr: of LAMB on images and labels; it falls to a tenth on a cosine.
        flip: whether mirrored images count among the learned ones.
        pool: networks, of which a random one is taken in every iteration.
        longest: steps that a network takes before a fresh one takes its place.
        network_lr, network_batch: of Adam.
        augment: `dsa` in the networks' steps, or none.
        zca: whether images are whitened in FRePo's way in place of being normalised.
        quantise: as in `Matched`.
    """

    title: ClassVar[str] = "FRePo"
    paper: ClassVar[str] = "Dataset Distillation using Neural Feature Regression, NeurIPS 2022, arXiv 2206.00719"
    needs_teacher: ClassVar[bool] = False
    aids: ClassVar[tuple[str, ...]] = ("real images",)
    soft_labels: ClassVar[bool] = True
    soft_label_form: ClassVar[Literal["logits", "probabilities", "unnormalised", "centred"]] = "centred"

    network: str | None = None
    iterations: int = Field(default=500_000, ge=1)
    real_batch: int = Field(default=1024, ge=1)
    image_lr: float = Field(default=3e-4, gt=0)
    flip: bool = False
    pool: int = Field(default=10, ge=1)
    longest: int = Field(default=100, ge=1)
    network_lr: float = Field(default=3e-4, gt=0)
    network_batch: int = Field(default=1000, ge=1)
    augment: Literal["dsa", "none"] = "dsa"
    zca: bool = True
    quantise: Literal["none", "uint8"] = "none"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        return {"flip": ipc == 1 and target.flip_keeps_class, "zca": target.channels > 1}

    def distill(self, task: Task) -> Distilled:
        require_enough(task.target, task.ipc)
        inputs = inputs_of(task.target, "frepo" if self.zca else None, task.device)
        algorithm = self.algorithm(task, inputs)
        losses = learn(algorithm, self.iterations, keep=task.keep, progress=task.progress)
        raw, labels = inputs.to_raw(algorithm.images.detach()), algorithm.labels.detach()
        if not all(bool(value.isfinite().all()) for value in (raw, labels, losses)):
            raise UserError(f"frepo: image_lr = {self.image_lr}: the images diverged; use a smaller value")
        return Distilled(
            images=quantised(raw) if self.quantise == "uint8" else raw,
            labels=task.labels,
            soft_labels=labels * frepo_scale(labels.shape[1]),
            info=summary(losses),
            space=inputs.space,
        )

    def algorithm(self, task: Task, inputs: Inputs) -> FeatureRegression:
        """What is done in an iteration, from random real images."""
        target, generator = task.target, task.generator()
        real = RealImages(target.train.to(task.device), inputs)
        plan = RegressionPlan(
            iterations=self.iterations,
            lr=self.image_lr,
            real_batch=self.real_batch,
            flip=self.flip,
            pool=self.pool,
            longest=self.longest,
            network_lr=self.network_lr,
            network_batch=self.network_batch,
            augmentation=None if self.augment == "none" else for_target(target, DSA(cutout=0.25)),
        )
        return FeatureRegression(
            real.random(target.num_classes, task.ipc, generator),
            task.labels,
            classes=target.num_classes,
            real=real,
            networks=lambda number: self.random_network(task, number),
            plan=plan,
            generator=generator,
        )

    def random_network(self, task: Task, number: int) -> nn.Module:
        """The untrained network of a number."""
        target = task.target
        network = create_model(
            self.network or f"{network_for(target.size)}-bn",
            classes=target.num_classes,
            size=target.size,
            channels=target.channels,
            seed=derive_seed("frepo network", task.seed, number),
        )
        return network.to(task.device)

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:  # noqa: ARG002
        return bound(regression_bytes(self, target, ipc, device), device)

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        count = target.num_classes * ipc
        return self.iterations * (
            count * (2 if self.flip else 1) + self.real_batch // 3 + min(count, self.network_batch)
        )
