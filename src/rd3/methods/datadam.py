"""DataDAM: random networks look at real and learned images in the same places.

Paper: Sajedi, Khaki, Amjadian, Liu, Lawryshyn, Plataniotis, DataDAM: Efficient Dataset Distillation with Attention
    Matching, ICCV 2023, arXiv 2310.00093.
Origin: https://github.com/DataDistillation/DataDAM
Config: the paper's: power 4, InstanceNorm, 8000 iterations. The code as released: `attention_power=1
    network=convnet3-bn iterations=20000`.
Differences: real images a class are the code's 64 (the paper's number is unverified); no ZCA; no start from clustered
    images, whose files are not part of the method.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.attention import AttentionMatching
from rd3.matching.learnable import Learnable
from rd3.matching.summed import Summed, classes_at_once
from rd3.methods.base import METHODS, Task
from rd3.methods.matched import Matched, Studio, siamese_augmentation


@METHODS.add("datadam")
class DataDAM(Matched):
    """Attention matching.

    Attributes:
        iterations: image updates, each with a fresh random network.
        image_lr: step size of SGD (momentum 0.5) on the normalised images; 10 above IPC 50.
        attention_power: p of the attention maps Σ|F|^p.
        balance: λ, weight of the embeddings' distance; .02 from 128 px on.
        init, augment: as in `dm`.
    """

    title: ClassVar[str] = "DataDAM"
    paper: ClassVar[str] = (
        "DataDAM: Efficient Dataset Distillation with Attention Matching, ICCV 2023, arXiv 2310.00093"
    )

    iterations: int = Field(default=8000, ge=1)
    real_batch: int = Field(default=64, ge=1)
    image_lr: float = Field(default=1.0, gt=0)
    attention_power: float = Field(default=4.0, gt=0)
    balance: float = Field(default=0.01, ge=0)
    init: Literal["real", "noise"] = "real"
    augment: Literal["dsa", "none"] = "dsa"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        rate = {"image_lr": 10.0} if ipc > 50 else {}
        return rate | ({"balance": 0.02} if target.size >= 128 else {})

    @property
    def starts_from_real(self) -> bool:
        return self.init == "real"

    def learnable(self, studio: Studio) -> Learnable:
        initial = studio.real() if self.init == "real" else studio.noise()
        return Learnable(initial, space=studio.space, optimiser=self.descent())

    def algorithm(self, studio: Studio, learned: Learnable) -> Summed:
        augmentation = siamese_augmentation(studio.task.target, self.augment)
        objective = AttentionMatching(power=self.attention_power, balance=self.balance)
        return Summed(self.scene(studio, learned, augmentation, frozen=True), objective)

    def together(self, target: Target, ipc: int) -> int:
        network = self.random_network(Task(target, None, 1, seed=0), 0)
        return classes_at_once(network, target.num_classes, max(self.real_batch, ipc))

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        return self.iterations * target.num_classes * (ipc + -(-self.real_batch // 3))
