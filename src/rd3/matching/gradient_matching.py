"""DC's algorithm: match gradients under networks that are being trained on the learned images.

Zhao, Mopuri & Bilen 2021, Dataset Condensation with Gradient Matching (ICLR, arXiv 2006.05929), algorithm 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from rd3.matching.gradients import Metric, match_gradients
from rd3.matching.loop import State
from rd3.matching.scene import Scene
from rd3.matching.trainer import Trainer, batches
from rd3.training.augment.base import Augmentation

STATISTICS_IMAGES = 16
"""Real images a class that give BatchNorm its statistics."""


@dataclass(frozen=True)
class Alternation:
    """What happens under one network.

    Attributes:
        matches: T, image steps.
        network_epochs: ζ, epochs of the network on the learned images between two of them.
        network_lr, network_batch: of those epochs; SGD without momentum.
        network_augmentation: in those epochs, of every image; or None.
        metric: distance of gradients.
    """

    matches: int
    network_epochs: int
    network_lr: float = 0.01
    network_batch: int = 256
    network_augmentation: Augmentation | None = None
    metric: Metric = "unit-cosine"


class GradientMatching:
    """The algorithm of DC and DSA: one network an iteration."""

    def __init__(self, scene: Scene, alternation: Alternation) -> None:
        self._scene, self._how = scene, alternation

    def iterate(self, iteration: int) -> Tensor:
        """Returns the mean loss of a match."""
        how, network = self._how, self._scene.networks(iteration)
        trainer = Trainer(network, lr=how.network_lr, augmentation=how.network_augmentation)
        losses = []
        for match in range(how.matches):
            self._set_statistics(network)
            losses.append(self._match(network))
            if match + 1 < how.matches:  # the last training would be seen by nobody
                self._train(trainer)
        return torch.stack(losses).mean()

    def _match(self, network: nn.Module) -> Tensor:
        """One image step. Classes take turns in memory; their gradients add up."""
        scene, learned = self._scene, self._scene.learned
        parameters, rows = list(network.parameters()), scene.rows()
        learned.optimiser.zero_grad()
        total = learned.values.new_zeros(())
        for label in range(learned.classes):
            real, synthetic = ((part, scene.labels(label, part)) for part in scene.pair(rows, label))
            total += learned.add_gradient(
                match_gradients(network, parameters, real, synthetic, metric=self._how.metric)
            )
        learned.optimiser.step()
        return total

    def _train(self, trainer: Trainer) -> None:
        images, labels = self._learned_set()
        for _ in range(self._how.network_epochs):
            for rows in batches(len(images), self._how.network_batch, self._scene.generator):
                trainer.step(images[rows], labels[rows], self._scene.generator)

    @torch.no_grad()
    def _learned_set(self) -> tuple[Tensor, Tensor]:
        shown = [self._scene.learned.shown(label) for label in range(self._scene.learned.classes)]
        labels = [self._scene.labels(label, images) for label, images in enumerate(shown)]
        return torch.cat(shown), torch.cat(labels)

    def _set_statistics(self, network: nn.Module) -> None:
        """Give BatchNorm the statistics of some real images of every class, and keep them for the match."""
        norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
        if norms:
            rows = self._scene.sampler.indices(STATISTICS_IMAGES, self._scene.generator)
            set_statistics(network, norms, torch.cat(self._scene.sampler.images(rows)))

    def state(self) -> State:
        return self._scene.state()

    def restore(self, state: State) -> None:
        self._scene.restore(state)


@torch.no_grad()
def set_statistics(network: nn.Module, norms: list[_BatchNorm], images: Tensor) -> None:
    """Make the running statistics of BatchNorm layers those of a batch, and put the layers in eval mode."""
    network.train()
    usual = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    network(images)
    for norm, momentum in zip(norms, usual, strict=True):
        norm.momentum = momentum
        norm.eval()
