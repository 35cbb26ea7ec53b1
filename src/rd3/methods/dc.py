"""DC: gradient matching, which moves images until they train networks as real ones do.

Paper: Zhao, Mopuri, Bilen, Dataset Condensation with Gradient Matching, ICLR 2021, arXiv 2006.05929; algorithm 1.
Origin: https://github.com/VICO-UoE/DatasetCondensation
Config: the paper's; `settings_for` has its loops for an IPC.
Differences: 1000 networks, where the code's loop has one more; BatchNorm layers get the exact statistics of 16 real
    images a class, not a tenth of them.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.gradient_matching import Alternation, GradientMatching
from rd3.matching.gradients import Metric
from rd3.matching.learnable import Learnable
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import listed_ipc
from rd3.methods.matched import Studio, for_target, siamese_augmentation
from rd3.methods.matched_starts import MatchedImages
from rd3.training.augment.dsa import DSA
from rd3.training.augment.dsa_operations import UNORDERED

LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
"""(T, ζ) of an IPC."""


@METHODS.add("dc")
class DC(MatchedImages):
    """Gradient matching.

    Attributes:
        iterations: networks, each trained on the learned images between matches.
        matches: T, image updates under one network.
        network_epochs: ζ, epochs of the network after each of them but the last.
        network_lr, network_batch: of those epochs; SGD without momentum.
        image_lr: step size of SGD (momentum 0.5) on the normalised images.
        metric: distance of gradients: `unit-cosine` is the paper's; see `rd3.matching.gradients`.
        init: from standard normal noise, as in the paper, or from random real images.
        augment: `dsa` for Siamese augmentation in matches, and of every image in the network's epochs; or none.
    """

    title: ClassVar[str] = "DC"
    paper: ClassVar[str] = "Dataset Condensation with Gradient Matching, ICLR 2021, arXiv 2006.05929"

    iterations: int = Field(default=1000, ge=1)
    real_batch: int = Field(default=256, ge=1)
    image_lr: float = Field(default=0.1, gt=0)
    matches: int = Field(default=1, ge=1)
    network_epochs: int = Field(default=1, ge=0)
    network_lr: float = Field(default=0.01, gt=0)
    network_batch: int = Field(default=256, ge=1)
    metric: Metric = "unit-cosine"
    init: Literal["real", "noise"] = "noise"
    augment: Literal["dsa", "none"] = "none"

    def unordered(self) -> str | None:
        return UNORDERED if self.augment == "dsa" else None

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        matches, epochs = LOOPS[listed_ipc(ipc, tuple(LOOPS))]
        return {"matches": matches, "network_epochs": epochs}

    def algorithm(self, studio: Studio, learned: Learnable) -> GradientMatching:
        target = studio.task.target
        alternation = Alternation(
            matches=self.matches,
            network_epochs=self.network_epochs,
            network_lr=self.network_lr,
            network_batch=self.network_batch,
            network_augmentation=None if self.augment == "none" else for_target(target, DSA()),
            metric=self.metric,
        )
        return GradientMatching(self.scene(studio, learned, siamese_augmentation(target, self.augment)), alternation)

    def learned_from(self, target: Target, ipc: int) -> int:
        return min(self.network_batch, target.num_classes * ipc)

    def cost(self, target: Target, ipc: int) -> int:
        """A match differentiates twice through the learned images."""
        images = self.matches * (self.real_batch + 3 * ipc) + (self.matches - 1) * self.network_epochs * ipc
        return self.iterations * target.num_classes * images
