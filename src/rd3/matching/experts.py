"""Experts: networks that were trained on the real images, with their parameters after every epoch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import grad

from rd3.base.keep import Shelf
from rd3.matching.inputs import RealImages
from rd3.matching.sharpness import Sharpness, flat_gradient
from rd3.matching.student import parameters_of
from rd3.matching.trainer import batches
from rd3.training.augment.base import Augmentation

REVISION = 1
"""Raised whenever the same plan would give other experts than before."""
MEMORY = 4 * 2**30
"""Bytes of trajectories that are held where they can be read again."""
NAME = "trajectory"


@dataclass(frozen=True)
class ExpertPlan:
    """How experts are trained: SGD without momentum and decay.

    Attributes:
        epochs: over the real images.
        batch, lr: of SGD.
        augmentation: drawn for every image; or None.
        sharpness: of steps towards flat minima; None for plain ones.
    """

    epochs: int
    batch: int = 256
    lr: float = 0.01
    augmentation: Augmentation | None = None
    sharpness: Sharpness | None = None


def trajectory(network: nn.Module, images: RealImages, plan: ExpertPlan, generator: torch.Generator) -> Tensor:
    """The parameters before the first epoch and after each: (epochs + 1, P), on the CPU.

    Args:
        network: on the images' device; trained in place.
        generator: of batches and augmentations.
    """
    network.train().requires_grad_()
    snapshots = [parameters_of(network).cpu()]
    for _ in range(plan.epochs):
        for rows in batches(len(images), plan.batch, generator):
            _step(network, _shown(images, rows, plan, generator), images.labels[rows], plan)
        snapshots.append(parameters_of(network).cpu())
    return torch.stack(snapshots)


def _shown(images: RealImages, rows: Tensor, plan: ExpertPlan, generator: torch.Generator) -> Tensor:
    batch = images.batch(rows)
    if plan.augmentation is None:
        return batch
    return plan.augmentation.transform(batch, plan.augmentation.draw(len(batch), batch.shape[-1], generator))


def _step(network: nn.Module, images: Tensor, labels: Tensor, plan: ExpertPlan) -> None:
    parameters = list(network.parameters())

    def gradient() -> tuple[Tensor, ...]:
        return grad(F.cross_entropy(network(images), labels), parameters)

    found = gradient() if plan.sharpness is None else flat_gradient(parameters, gradient, plan.sharpness)
    with torch.no_grad():
        for parameter, slope in zip(parameters, found, strict=True):
            parameter.sub_(slope, alpha=plan.lr)


class Experts:
    """Trajectories by number, made when they are first asked for.

    Args:
        make: number to the trajectory of that number.
        count: of experts.
        facts: all that decides them but their number.
        shelf: where they are kept for others; None keeps them in memory.
        again: whether making one again costs nothing, as it is read.
    """

    def __init__(
        self,
        make: Callable[[int], Tensor],
        *,
        count: int,
        facts: Mapping[str, Any],
        shelf: Shelf | None = None,
        again: bool = False,
    ) -> None:
        self._make, self._facts, self._shelf, self.count = make, dict(facts), shelf, count
        self._readable = again or shelf is not None
        self._held: dict[int, Tensor] = {}

    def __getitem__(self, number: int) -> Tensor:
        """(epochs + 1, P), on the CPU."""
        if number not in self._held:
            made = self._make(number) if self._shelf is None else self._shelved(self._shelf, number)
            if self._readable and (len(self._held) + 1) * made.nbytes > MEMORY:
                self._held.pop(next(iter(self._held), -1), None)
            self._held[number] = made
        return self._held[number]

    def prepare(self, progress: Callable[[float], None] = lambda _: None) -> None:
        """Make all that are missing; a killed process loses one of them at most."""
        for number in range(self.count):
            self[number]
            progress((number + 1) / self.count)

    def _shelved(self, shelf: Shelf, number: int) -> Tensor:
        facts = {**self._facts, "number": number, "revision": REVISION, "torch": torch.__version__}
        found = shelf.load(facts)
        if found is not None:
            return found[NAME]
        start = time.perf_counter()
        made = self._make(number)
        shelf.save(facts, {NAME: made}, seconds=time.perf_counter() - start)
        return made
