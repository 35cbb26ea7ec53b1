"""Where the images of matching methods start: as real ones or noise, or as mosaics of real ones."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from pydantic import Field

from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.matching.learnable import Learnable
from rd3.matching.summed import Objective, Summed, classes_at_once
from rd3.methods.base import Task
from rd3.methods.matched import Matched, Studio, siamese_augmentation
from rd3.training.augment.dsa_operations import UNORDERED


class MatchedImages(Matched):
    """Base of methods that learn every image by itself.

    Attributes:
        init: from random real images or from standard normal noise.
        augment: Siamese augmentation of both batches, without flips where a mirror changes the class; or none.
    """

    init: Literal["real", "noise"] = "real"
    augment: Literal["dsa", "none"] = "dsa"

    def unordered(self) -> str | None:
        return UNORDERED if self.augment == "dsa" else None

    @property
    def starts_from_real(self) -> bool:
        return self.init == "real"

    def learnable(self, studio: Studio) -> Learnable:
        initial = studio.real() if self.init == "real" else studio.noise()
        return Learnable(initial, space=studio.space, optimiser=self.descent())


class MatchedSums(MatchedImages):
    """Base of those with one image step an iteration, on a sum over classes under a fresh random network."""

    @property
    @abstractmethod
    def objective(self) -> Objective:
        """What is summed."""

    def algorithm(self, studio: Studio, learned: Learnable) -> Summed:
        augmentation = siamese_augmentation(studio.task.target, self.augment)
        return Summed(self.scene(studio, learned, augmentation, frozen=True), self.objective)

    def together(self, target: Target, ipc: int) -> int:
        network = self.random_network(Task(target, None, 1, seed=0), 0)
        return classes_at_once(network, target.num_classes, max(self.real_batch, ipc))

    def cost(self, target: Target, ipc: int) -> int:
        """Real images only go forward, which is a third of forward and backward."""
        return self.iterations * target.num_classes * (ipc + -(-self.real_batch // 3))


class MatchedMosaics(Matched):
    """Base of methods that store mosaics.

    Class attributes:
        tile_order: of the images in a mosaic, as the authors' code takes them out.

    Attributes:
        factor: tiles along a mosaic's side; 1 stores images as they are.
    """

    tile_order: ClassVar[Literal["rows", "columns"]] = "rows"

    factor: int = Field(default=2, ge=1)

    @property
    def decode(self) -> Decode | None:
        """How the mosaics come apart."""
        return Decode(factor=self.factor, order=self.tile_order) if self.factor > 1 else None

    def learnable(self, studio: Studio) -> Learnable:
        initial = studio.real() if self.decode is None else studio.mosaics(self.decode)
        return Learnable(initial, space=studio.space, optimiser=self.descent(), decode=self.decode)
