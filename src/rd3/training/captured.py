"""A training step on fixed buffers: captured once as a CUDA graph and replayed, so that the host only names images.

A small network's step is some hundred short kernels, which a GPU finishes faster than Python can start them. A graph
starts them all at once. It draws from the run's generator, which is registered with it, and so gives at every replay
the numbers that a step without it would have drawn. On a CPU the same step is called on the same buffers.
"""

from __future__ import annotations

import torch

from rd3.training.augment.base import Augmentation
from rd3.training.graphs import WARM_UP, record
from rd3.training.losses import Loss
from rd3.training.order import Batch
from rd3.training.recipe import Recipe
from rd3.training.update import Update


def reason_not_to_capture(recipe: Recipe) -> str | None:
    """Why a recipe's steps cannot be replayed, or None."""
    if recipe.label_epochs is not None:
        return "kept label batches have generators of their own"
    for augmentation in recipe.augment:
        if augmentation.waits_for_host:
            return f"augmentation {augmentation.kind} waits for the host"
        if augmentation.plugin_source and not _says_whether_it_waits(type(augmentation)):
            return f"augmentation {augmentation.kind} does not say waits_for_host = False"
    return None


def _says_whether_it_waits(augmentation: type[Augmentation]) -> bool:
    """A replay repeats what the host did once, so that one that lives elsewhere must promise that it does nothing."""
    return any("waits_for_host" in vars(each) for each in augmentation.__mro__ if each is not Augmentation)


class CapturedUpdate:
    """Steps of one run on fixed buffers; one graph for every length of a batch and loss.

    Attributes:
        refused: why steps are called and not replayed, or None.
    """

    def __init__(self, update: Update, *, device: torch.device) -> None:
        self._update = update
        self._device = device
        self._steps: dict[tuple[int, Loss], _FixedStep] = {}
        self.refused: str | None = reason_not_to_capture(update.recipe)

    def __call__(self, batch: Batch, loss: Loss) -> None:
        if self.refused is not None:
            self._update(batch, loss)
            return
        key = len(batch.indices), loss
        if key not in self._steps:
            self._steps[key] = _FixedStep(self._update, batch, loss)
        step = self._steps[key]
        step.load(batch)
        self.refused = step.run(capture=self._device.type == "cuda")


class _FixedStep:
    """One step whose batch lies in buffers that stay where they are."""

    def __init__(self, update: Update, batch: Batch, loss: Loss) -> None:
        self._update, self._loss = update, loss
        pixels = None if batch.pixels is None else torch.empty_like(batch.pixels, device=batch.indices.device)
        self._batch = batch._replace(indices=torch.empty_like(batch.indices), pixels=pixels)
        self._done = 0
        self._labelled = 0
        self._graph: torch.cuda.CUDAGraph | None = None

    def load(self, batch: Batch) -> None:
        """Copy a batch to where the step reads it."""
        self._batch.indices.copy_(batch.indices, non_blocking=True)
        if self._batch.pixels is not None and batch.pixels is not None:
            self._batch.pixels.copy_(batch.pixels, non_blocking=True)

    def run(self, *, capture: bool) -> str | None:
        """Do the step; says why it could not be captured, where that was tried."""
        refused = None
        if capture and self._graph is None and self._done >= WARM_UP:
            refused = self._capture()
        self._done += 1
        if self._graph is None:
            self._do()
        else:
            self._graph.replay()
            self._update.labeller.asked += self._labelled
        return refused

    def _capture(self) -> str | None:
        """Record the step, which does not do it; a network that waits for the host cannot be recorded."""
        labeller, generator = self._update.labeller, self._batch.generator
        asked = labeller.asked
        self._update.optimiser.zero_grad()  # gradients then live in the graph's own memory
        recorded = record(self._do, generator.device, generators=[generator])
        labelled, labeller.asked = labeller.asked - asked, asked
        if isinstance(recorded, str):
            return recorded
        self._graph, self._labelled = recorded.graph, labelled
        return None

    def _do(self) -> None:
        self._update(self._batch, self._loss)
