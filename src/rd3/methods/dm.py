"""DM: distribution matching, which moves images until random networks embed classes alike.

Paper: Zhao, Bilen, Dataset Condensation with Distribution Matching, WACV 2023, arXiv 2110.04181; algorithm 1.
Origin: https://github.com/VICO-UoE/DatasetCondensation
Config: the paper's. 20,000 iterations with a fresh random ConvNet each, 256 real images a class, SGD on the images.
Differences: the Siamese augmentation draws from a generator of its own and resamples with aligned corners on every
    version of torch; the result is rounded to uint8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.matching.distribution import match_distributions
from rd3.matching.initial import noise, real_images
from rd3.matching.loop import IMAGES_AT_ONCE, Matching, has_batch_norm, match
from rd3.matching.pixels import quantised
from rd3.matching.sampler import ClassSampler
from rd3.matching.siamese import siamese
from rd3.methods.base import METHODS, Distilled, Method, Task, require_enough
from rd3.models import create_model
from rd3.models.footprint import bound, footprint
from rd3.recover.looking import image_bytes
from rd3.training.augment.base import Augmentation
from rd3.training.augment.dsa import DSA


@METHODS.add("dm")
class DM(Method):
    """Distribution matching. The learned images are clamped to [0, 255] and rounded to uint8 at the end only.

    Attributes:
        network: that embeds; None is the paper's ConvNet for the target's size (`network_for`).
        iterations: image updates, each with a fresh random network.
        real_batch: real images per class in an iteration; all of a class that has fewer.
        image_lr: step size of SGD (momentum 0.5) on the normalised images; the paper raises it to 10 from IPC 100 on.
        init: from random real images or from standard normal noise.
        augment: Siamese augmentation of both batches, without flips where a mirror changes the class; or none.
    """

    title: ClassVar[str] = "DM"
    paper: ClassVar[str] = "Dataset Condensation with Distribution Matching, WACV 2023, arXiv 2110.04181"
    needs_teacher: ClassVar[bool] = False
    aids: ClassVar[tuple[str, ...]] = ("real images",)

    network: str | None = None
    iterations: int = Field(default=20_000, ge=1)
    real_batch: int = Field(default=256, ge=1)
    image_lr: float = Field(default=1.0, gt=0)
    init: Literal["real", "noise"] = "real"
    augment: Literal["dsa", "none"] = "dsa"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"image_lr": 10.0} if ipc >= 100 else {}

    def distill(self, task: Task) -> Distilled:
        target, classes = task.target, len(task.target.classes)
        require_enough(target, task.ipc if self.init == "real" else 1)
        real = target.train.to(task.device)
        sampler = ClassSampler(real, classes=classes, mean=target.mean, std=target.std)
        generator = task.generator()
        initial = self.initial(sampler, task, generator)
        matched = match(
            initial, sampler, self.matching(task), generator=generator, keep=task.keep, progress=task.progress
        )
        _require_finite(matched.images, self.image_lr)
        return Distilled(
            images=quantised(matched.images.flatten(0, 1), target.mean, target.std),
            labels=torch.arange(classes, device=task.device).repeat_interleave(task.ipc),
            info=_summary(matched.losses),
        )

    def initial(self, sampler: ClassSampler, task: Task, generator: torch.Generator) -> Tensor:
        """The start of the learned images: (classes, ipc, C, H, W), normalised."""
        if self.init == "real":
            return real_images(sampler, task.ipc, generator)
        return noise(len(task.target.classes), task.ipc, task.target.train.shape, generator)

    def matching(self, task: Task) -> Matching:
        """The loop's settings."""
        return Matching(
            objective=match_distributions,
            networks=lambda iteration: self.random_network(task, iteration),
            iterations=self.iterations,
            real_batch=self.real_batch,
            image_lr=self.image_lr,
            augmentation=self.augmentation_for(task.target),
        )

    def random_network(self, task: Task, iteration: int) -> nn.Module:
        """The untrained, frozen network of an iteration; the same on every device."""
        target = task.target
        network = create_model(
            self.network or network_for(target.size),
            classes=len(target.classes),
            size=target.size,
            channels=target.channels,
            seed=derive_seed("dm network", task.seed, iteration),
        )
        return network.to(task.device).requires_grad_(False)

    def augmentation_for(self, target: Target) -> Augmentation | None:
        """The Siamese augmentation for the target, or None."""
        if self.augment == "none":
            return None
        augmentation = DSA(siamese=True)
        return augmentation if target.flip_keeps_class else augmentation.without_flip()

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:  # noqa: ARG002
        classes = target.num_classes
        together = classes if has_batch_norm(self.random_network(Task(target, None, 1, 0), 0)) else None
        together = together or min(classes, max(1, IMAGES_AT_ONCE // max(self.real_batch, ipc)))
        real = footprint(lambda count: self._match_once(target, real=count, learned=1)).at(together * self.real_batch)
        learned = footprint(lambda count: self._match_once(target, real=1, learned=count)).at(together * ipc)
        held = 4 * 5 * image_bytes(target, ipc)  # in float32: start, images, gradient, momentum, and levels at the end
        copied = 0 if device.type == "cpu" else len(target.train) * math.prod(target.train.shape)
        return bound(real + learned + held + copied + 64 * len(target.train), device)

    def _match_once(self, target: Target, *, real: int, learned: int) -> None:
        generator = torch.Generator().manual_seed(0)
        images = torch.zeros((real, *target.train.shape))
        leaf = torch.zeros((learned, *target.train.shape), requires_grad=True)
        pair = siamese(self.augmentation_for(target), images, leaf, generator)
        network = self.random_network(Task(target, None, 1, 0), 0)
        match_distributions(network, [pair[0]], [pair[1]], [0]).backward()  # type: ignore[no-untyped-call]

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        return self.iterations * len(target.classes) * (ipc + -(-self.real_batch // 3))


def network_for(size: int) -> str:
    """The paper's ConvNet for a side in pixels: depth 3 up to 32, 4 up to 64, 5 up to 128, 6 above.

    >>> network_for(28), network_for(64)
    ('convnet3', 'convnet4')
    """
    depth = next((depth for depth, largest in ((3, 32), (4, 64), (5, 128)) if size <= largest), 6)
    return f"convnet{depth}"


def _summary(losses: Tensor) -> dict[str, Any]:
    """Mean loss of the first and the last tenth of the iterations: single losses vary with their random networks."""
    tenth = max(1, len(losses) // 10)
    return {"first_loss": float(losses[:tenth].mean()), "last_loss": float(losses[-tenth:].mean())}


def _require_finite(images: Tensor, image_lr: float) -> None:
    if not bool(images.isfinite().all()):
        raise UserError(f"dm: image_lr = {image_lr}: the images diverged to NaN or infinity; use a smaller value")
