"""What the matching methods share: real images and networks to match under, and the way of the learned images out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.mosaic import Decode
from rd3.data.spaces import PixelSpace
from rd3.data.target import Target
from rd3.matching.initial import mosaics, noise, real_images
from rd3.matching.learnable import Learnable, OptimiserOf
from rd3.matching.loop import Algorithm, learn
from rd3.matching.pixels import Space, quantised
from rd3.matching.sampler import ClassSampler
from rd3.matching.scene import Scene
from rd3.methods.base import Distilled, Method, Task, require_enough
from rd3.methods.matched_memory import matching_bytes
from rd3.models import create_model
from rd3.models.footprint import bound
from rd3.training.augment.base import Augmentation
from rd3.training.augment.dsa import DSA


@dataclass(frozen=True)
class Studio:
    """What a method and a task give an algorithm to work with.

    Attributes:
        sampler: of the real images.
        generator: of everything that is drawn.
        space: of the values that are learned.
    """

    task: Task
    sampler: ClassSampler
    generator: torch.Generator
    space: Space

    def real(self) -> Tensor:
        """Random real images as values (classes, ipc, C, H, W)."""
        return self.space.of_normalised(real_images(self.sampler, self.task.ipc, self.generator))

    def mosaics(self, decode: Decode) -> Tensor:
        """Mosaics of random real images, in the same form."""
        return self.space.of_normalised(mosaics(self.sampler, self.task.ipc, decode, self.generator))

    def noise(self) -> Tensor:
        """Standard normal values in normalised space, in the same form."""
        target = self.task.target
        drawn = noise(target.num_classes, self.task.ipc, target.train.shape, self.generator)
        return self.space.of_normalised(drawn)


class Matched(Method):
    """Base of the matching methods.

    Class attributes:
        raw: whether values are learned raw (0 black, 1 white) instead of normalised.

    Attributes:
        network: that is matched under; None is the papers' ConvNet for the target's size (`network_for`).
        iterations: of the method's outermost loop.
        real_batch: real images of a class in a match; all of a class that has fewer.
        image_lr: step size on the images, in the space they are learned in.
        quantise: `none` keeps the learned values as floats, not clamped, as the papers evaluate them; `uint8` clamps
            and rounds them.
    """

    needs_teacher: ClassVar[bool] = False
    aids: ClassVar[tuple[str, ...]] = ("real images",)
    raw: ClassVar[bool] = False

    network: str | None = None
    iterations: int = Field(ge=1)
    real_batch: int = Field(ge=1)
    image_lr: float = Field(gt=0)
    quantise: Literal["none", "uint8"] = "none"

    def distill(self, task: Task) -> Distilled:
        require_enough(task.target, task.ipc if self.starts_from_real else 1)
        studio = self.studio(task)
        learned = self.learnable(studio)
        losses = learn(self.algorithm(studio, learned), self.iterations, keep=task.keep, progress=task.progress)
        raw = learned.raw().flatten(0, 1)
        self._require_finite(raw)
        return Distilled(
            images=quantised(raw) if self.quantise == "uint8" else raw,
            labels=task.labels,
            info=summary(losses),
            decode=learned.decode,
            space=self._space(task.target) if self.quantise == "none" else None,
        )

    def _space(self, target: Target) -> PixelSpace:
        if self.raw:
            return "raw01"
        return "norm_true" if target.statistics.startswith("measured") else "norm_dc"

    @property
    def starts_from_real(self) -> bool:
        """Whether every learned image starts as a real one, of which there must be enough."""
        return True

    @abstractmethod
    def learnable(self, studio: Studio) -> Learnable:
        """The images at the start, with their optimiser."""

    @abstractmethod
    def algorithm(self, studio: Studio, learned: Learnable) -> Algorithm:
        """What is done in an iteration."""

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:  # noqa: ARG002
        return bound(matching_bytes(self, target, ipc, device), device)

    def together(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        """Classes that go through a network in one pass."""
        return 1

    def learned_from(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        """Images of a batch that networks are trained on; 0 where they are not."""
        return 0

    @property
    def networks_held(self) -> int:
        """Networks, or their weights, that are there at a time."""
        return 2

    def studio(self, task: Task) -> Studio:
        """Real images, space and generator."""
        target = task.target
        sampler = ClassSampler(
            target.train.to(task.device), classes=target.num_classes, mean=target.mean, std=target.std
        )
        return Studio(task, sampler, task.generator(), Space(target.mean, target.std, raw=self.raw))

    def scene(
        self,
        studio: Studio,
        learned: Learnable,
        augmentation: Augmentation | None,
        *,
        frozen: bool = False,
        synthetic_batch: int | None = None,
    ) -> Scene:
        """The same for the loop; `frozen` networks are not trained."""
        return Scene(
            learned,
            studio.sampler,
            lambda number: self.random_network(studio.task, number).requires_grad_(not frozen),
            studio.generator,
            real_batch=self.real_batch,
            augmentation=augmentation,
            synthetic_batch=synthetic_batch,
        )

    def descent(self) -> OptimiserOf:
        """The images' optimiser: SGD."""
        return lambda values: torch.optim.SGD(values, lr=self.image_lr, momentum=0.5)

    def random_network(self, task: Task, number: int) -> nn.Module:
        """The untrained network of a number; the same on every device."""
        target = task.target
        network = create_model(
            self.network or network_for(target.size),
            classes=target.num_classes,
            size=target.size,
            channels=target.channels,
            seed=derive_seed(f"{self.title.lower()} network", task.seed, number),
        )
        return network.to(task.device)

    def _require_finite(self, images: Tensor) -> None:
        if not bool(images.isfinite().all()):
            raise UserError(
                f"{self.title.lower()}: image_lr = {self.image_lr}: the images diverged to NaN or infinity;"
                " use a smaller value"
            )


def siamese_augmentation(target: Target, kind: Literal["dsa", "none"]) -> DSA | None:
    """DSA with one draw for all images, without flips where a mirror changes the class; or None."""
    return None if kind == "none" else for_target(target, DSA(siamese=True))


def for_target(target: Target, augmentation: DSA) -> DSA | None:
    """The augmentation without flips where a mirror changes the class; None if nothing is left of it."""
    return augmentation if target.flip_keeps_class else augmentation.without_flip()


def network_for(size: int) -> str:
    """The papers' ConvNet for a side in pixels: depth 3 up to 32, 4 up to 64, 5 up to 128, 6 above.

    >>> network_for(28), network_for(64)
    ('convnet3', 'convnet4')
    """
    depth = next((depth for depth, largest in ((3, 32), (4, 64), (5, 128)) if size <= largest), 6)
    return f"convnet{depth}"


def summary(losses: Tensor) -> dict[str, Any]:
    """Mean loss of the first and the last tenth of the iterations: single losses vary with their random networks."""
    tenth = max(1, len(losses) // 10)
    return {"first_loss": float(losses[:tenth].mean()), "last_loss": float(losses[-tenth:].mean())}
