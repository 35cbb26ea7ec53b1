"""IDC's algorithm: match gradients of convolutions under networks that are being trained on real images.

Kim et al. 2022, Dataset Condensation via Efficient Synthetic-Data Parameterization (ICML, arXiv 2205.14959).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.matching.gradients import Metric, match_gradients
from rd3.matching.loop import State
from rd3.matching.sampler import ClassSampler
from rd3.matching.scene import Scene
from rd3.matching.trainer import Trainer, batches
from rd3.training.augment.base import Augmentation
from rd3.training.mix import Mix


@dataclass(frozen=True)
class RealTraining:
    """How the networks are trained between matches.

    Attributes:
        images: real images after each round of matches, all distinct.
        epochs: over all real images before the first match.
        batch, lr, momentum, weight_decay: of SGD.
        augmentation, mix: of its batches.
    """

    images: int
    epochs: int = 0
    batch: int = 64
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    augmentation: Augmentation | None = None
    mix: Mix | None = None

    def trainer(self, network: nn.Module) -> Trainer:
        return Trainer(
            network,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            augmentation=self.augmentation,
            mix=self.mix,
        )

    def train(self, trainer: Trainer, sampler: ClassSampler, generator: torch.Generator, images: int) -> None:
        """Whole batches until that many images have been seen."""
        seen = 0
        for rows in batches(sampler.total, self.batch, generator):
            trainer.step(*sampler.labelled(rows), generator)
            seen += len(rows)
            if seen >= images:
                return


class MultiFormation:
    """One network an iteration, and `rounds` rounds of one image step for every class."""

    def __init__(self, scene: Scene, *, rounds: int, metric: Metric, training: RealTraining) -> None:
        self._scene, self._rounds, self._metric, self._training = scene, rounds, metric, training

    def iterate(self, iteration: int) -> Tensor:
        """Returns the mean loss of a round."""
        scene = self._scene
        trainer = self._training.trainer(scene.networks(iteration))
        for _ in range(self._training.epochs):
            self._training.train(trainer, scene.sampler, scene.generator, scene.sampler.total)
        scene.learned.clamp()
        losses = []
        for _ in range(self._rounds):
            losses.append(self._match(trainer.network))
            self._training.train(trainer, scene.sampler, scene.generator, self._training.images)
        return torch.stack(losses).mean()

    def _match(self, network: nn.Module) -> Tensor:
        scene, rows, weights = self._scene, self._scene.rows(), convolutions(network)
        total = scene.learned.values.new_zeros(())
        for label in range(scene.learned.classes):
            real, synthetic = ((part, scene.labels(label, part)) for part in scene.pair(rows, label))
            total += scene.learned.descend(match_gradients(network, weights, real, synthetic, metric=self._metric))
        return total

    def state(self) -> State:
        return self._scene.state()

    def restore(self, state: State) -> None:
        self._scene.restore(state)


def convolutions(network: nn.Module) -> list[Tensor]:
    """The weights of a network's convolutions.

    Raises:
        UserError: it has none.
    """
    weights: list[Tensor] = [parameter for parameter in network.parameters() if parameter.ndim == 4]
    if not weights:
        raise UserError(f"{type(network).__name__} has no convolutions, whose gradients are to be matched")
    return weights
