"""What every matching algorithm works with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rd3.matching.learnable import Learnable
from rd3.matching.loop import State
from rd3.matching.sampler import ClassSampler
from rd3.matching.siamese import alike, siamese
from rd3.training.augment.base import Augmentation


@dataclass(frozen=True)
class Scene:
    """Learned images, real ones, networks, and the one generator that everything is drawn from.

    Attributes:
        learned: the images.
        sampler: of real images.
        networks: number to the network of that number, freshly initialised, on the images' device.
        generator: of batches and augmentations, on the images' device.
        real_batch: real images of a class in a match.
        augmentation: drawn afresh for every class and match, the same for real and synthetic; or None.
        synthetic_batch: a random choice of so many images of a class takes part in a match where there are more.
    """

    learned: Learnable
    sampler: ClassSampler
    networks: Callable[[int], nn.Module]
    generator: torch.Generator
    real_batch: int
    augmentation: Augmentation | None = None
    synthetic_batch: int | None = None

    def rows(self) -> list[Tensor]:
        """Indices of `real_batch` random real images of every class."""
        return self.sampler.indices(self.real_batch, self.generator)

    def pairs(self, rows: Sequence[Tensor], labels: Sequence[int]) -> tuple[list[Tensor], list[Tensor]]:
        """Augmented normalised real and synthetic images, one tensor for each of the labels."""
        real = self.sampler.images([rows[label] for label in labels])
        pairs = [
            siamese(self.augmentation, batch, self._shown(label), self.generator)
            for label, batch in zip(labels, real, strict=True)
        ]
        return [pair[0] for pair in pairs], [pair[1] for pair in pairs]

    def pair(self, rows: Sequence[Tensor], label: int) -> tuple[Tensor, Tensor]:
        """The same of one class."""
        (real,), (synthetic,) = self.pairs(rows, [label])
        return real, synthetic

    def alone(self, label: int) -> Tensor:
        """Augmented normalised synthetic images of one class."""
        return alike(self.augmentation, self._shown(label), self.generator)

    def _shown(self, label: int) -> Tensor:
        images = self.learned.shown(label)
        if self.synthetic_batch is None or len(images) <= self.synthetic_batch:
            return images
        order = torch.randperm(len(images), generator=self.generator, device=self.generator.device)
        return images[order[: self.synthetic_batch]]

    def labels(self, label: int, images: Tensor) -> Tensor:
        """The label of every image of a class's batch."""
        return torch.full((len(images),), label, device=images.device)

    def state(self) -> State:
        return {"learned": self.learned.state(), "generator": self.generator.get_state()}

    def restore(self, state: State) -> None:
        self.learned.restore(state["learned"])
        self.generator.set_state(state["generator"])
