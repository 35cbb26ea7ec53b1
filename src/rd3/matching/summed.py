"""One image step an iteration, on a loss that is summed over the classes under a fresh random network."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from torch import Tensor, nn

from rd3.matching.loop import State
from rd3.matching.scene import Scene

IMAGES_AT_ONCE = 1024
"""Bound of the images in one forward pass, unless a network needs all classes together."""


class Objective(Protocol):
    """What makes synthetic images resemble real ones in the eyes of a network."""

    def __call__(
        self, network: nn.Module, real: Sequence[Tensor], synthetic: Sequence[Tensor], classes: Sequence[int]
    ) -> Tensor:
        """The loss summed over some classes.

        Args:
            network: this iteration's.
            real, synthetic: augmented normalised images (n, C, H, W), one tensor for each entry of `classes`.
            classes: the labels.

        Returns:
            A scalar, differentiable in `synthetic`.
        """


class Summed:
    """The algorithm of DM and DataDAM: `objective` is what differs."""

    def __init__(self, scene: Scene, objective: Objective) -> None:
        self._scene, self._objective = scene, objective

    def iterate(self, iteration: int) -> Tensor:
        self._scene.learned.optimiser.zero_grad()
        loss = self._accumulate(iteration)
        self._scene.learned.optimiser.step()
        return loss

    def _accumulate(self, iteration: int) -> Tensor:
        """Add the gradient to the images'.

        The loss is a sum over classes, so groups of classes take turns in memory without changing the gradient. A
        network with batch norm would see other statistics, so all classes go through it together.
        """
        scene, learned = self._scene, self._scene.learned
        network, rows = scene.networks(iteration), scene.rows()
        total = learned.values.new_zeros(())
        at_once = classes_at_once(network, learned.classes, max(scene.real_batch, learned.values.shape[1]))
        for group in groups(learned.classes, at_once):
            total += learned.add_gradient(self._objective(network, *scene.pairs(rows, group), group))
        return total

    def state(self) -> State:
        return self._scene.state()

    def restore(self, state: State) -> None:
        self._scene.restore(state)


def classes_at_once(network: nn.Module, classes: int, images: int) -> int:
    """How many of the classes go through a network together, with so many images each."""
    return classes if has_batch_norm(network) else min(classes, max(1, IMAGES_AT_ONCE // images))


def groups(classes: int, at_once: int) -> Iterator[Sequence[int]]:
    """Consecutive classes, `at_once` at a time.

    >>> [list(group) for group in groups(5, 2)]
    [[0, 1], [2, 3], [4]]
    """
    for start in range(0, classes, at_once):
        yield range(start, min(start + at_once, classes))


def has_batch_norm(network: nn.Module) -> bool:
    """Whether an image's embedding depends on the rest of its batch."""
    return any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
