"""One step of a training, from the numbers of its images to moved parameters.

Nothing in it waits for the device, so that it can be captured; see `rd3.training.captured`.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from rd3.data.images import Images
from rd3.training.clock import Clock
from rd3.training.ema import ParameterAverage
from rd3.training.execution import Execution
from rd3.training.fused import FusedSteps
from rd3.training.labelling import Labeller
from rd3.training.losses import Loss
from rd3.training.order import Batch
from rd3.training.recipe import Recipe
from rd3.training.step import add_gradients
from rd3.training.views import Normalisation, view_of


@dataclass(frozen=True)
class Update:
    """All that a step needs but its batch: augment, mix, label, normalise, move."""

    model: nn.Module
    images: Images
    recipe: Recipe
    normalisation: Normalisation
    labeller: Labeller
    optimiser: FusedSteps
    average: ParameterAverage | None
    execution: Execution
    clock: Clock

    def __call__(self, batch: Batch, loss: Loss) -> None:
        view = view_of(self.images, batch, self.recipe, self.normalisation)
        labels = view.labels
        if loss.needs_teacher:
            with self.clock.on("labels"), self.execution.autocast(view.pictures.device):
                labels = labels._replace(teacher_logits=self.labeller(view, batch))
        inputs = self.normalisation(view.pictures)
        self.optimiser.zero_grad()
        add_gradients(self.model, inputs, labels, loss=loss, recipe=self.recipe, execution=self.execution)
        self.optimiser.step()
        if self.average:
            self.average.update(self.model)
