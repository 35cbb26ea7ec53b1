"""DM: distribution matching, which moves images until random networks embed classes alike.

Paper: Zhao, Bilen, Dataset Condensation with Distribution Matching, WACV 2023, arXiv 2110.04181; algorithm 1.
Origin: https://github.com/VICO-UoE/DatasetCondensation
Config: the paper's. 20,000 iterations with a fresh random ConvNet each, 256 real images a class, SGD on the images.
Differences: the Siamese augmentation draws from a generator of its own; the result is rounded to uint8
    (`quantise=none` keeps the floats that the paper evaluates).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.distribution import match_distributions
from rd3.matching.learnable import Learnable
from rd3.matching.summed import Summed, classes_at_once
from rd3.methods.base import METHODS, Task
from rd3.methods.matched import Matched, Studio, siamese_augmentation


@METHODS.add("dm")
class DM(Matched):
    """Distribution matching. The learned images are clamped to [0, 255] and rounded to uint8 at the end only.

    Attributes:
        iterations: image updates, each with a fresh random network.
        image_lr: step size of SGD (momentum 0.5) on the normalised images; the paper raises it to 10 from IPC 100 on.
        init: from random real images or from standard normal noise.
        augment: Siamese augmentation of both batches, without flips where a mirror changes the class; or none.
    """

    title: ClassVar[str] = "DM"
    paper: ClassVar[str] = "Dataset Condensation with Distribution Matching, WACV 2023, arXiv 2110.04181"
    later: ClassVar[frozenset[str]] = frozenset({"quantise"})

    iterations: int = Field(default=20_000, ge=1)
    real_batch: int = Field(default=256, ge=1)
    image_lr: float = Field(default=1.0, gt=0)
    init: Literal["real", "noise"] = "real"
    augment: Literal["dsa", "none"] = "dsa"
    quantise: Literal["none", "uint8"] = "uint8"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"image_lr": 10.0} if ipc >= 100 else {}

    @property
    def starts_from_real(self) -> bool:
        return self.init == "real"

    def learnable(self, studio: Studio) -> Learnable:
        initial = studio.real() if self.init == "real" else studio.noise()
        return Learnable(initial, space=studio.space, optimiser=self.descent())

    def algorithm(self, studio: Studio, learned: Learnable) -> Summed:
        augmentation = siamese_augmentation(studio.task.target, self.augment)
        return Summed(self.scene(studio, learned, augmentation, frozen=True), match_distributions)

    def together(self, target: Target, ipc: int) -> int:
        network = self.random_network(Task(target, None, 1, seed=0), 0)
        return classes_at_once(network, target.num_classes, max(self.real_batch, ipc))

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        return self.iterations * target.num_classes * (ipc + -(-self.real_batch // 3))
