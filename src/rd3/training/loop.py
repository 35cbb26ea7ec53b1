"""The one training loop, for teachers and students.

It reads top to bottom like the protocol: order, augment, mix, label, normalise, step. Every random draw comes from the
run's seed, so a run is a function of (images, network, recipe, seed).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rd3.base.seeds import derive_seed
from rd3.data.images import Images
from rd3.training.ema import ParameterAverage
from rd3.training.labelling import Labeller, SoftLabels
from rd3.training.order import Order
from rd3.training.recipe import Recipe
from rd3.training.step import add_gradients
from rd3.training.views import Normalisation, view_of

__all__ = ["LOOP_REVISION", "Clock", "Normalisation", "SoftLabels", "fit"]

LOOP_REVISION = 1  # raised whenever the same recipe and seed would give other bits than before


@dataclass
class Clock:
    """Seconds spent on labels, on reports, and in all; label seconds are only known on the CPU."""

    labels: float = 0.0
    reports: float = 0.0
    total: float = 0.0
    _start: float = field(default_factory=time.perf_counter)

    @contextmanager
    def on(self, part: str):  # type: ignore[no-untyped-def]
        start = time.perf_counter()
        yield
        setattr(self, part, getattr(self, part) + time.perf_counter() - start)

    def stop(self) -> Clock:
        self.total = time.perf_counter() - self._start
        return self


def fit(
    model: nn.Module,
    images: Images,
    recipe: Recipe,
    *,
    normalisation: Normalisation,
    seed: int,
    soft_labels: SoftLabels | None = None,
    static_labels: Tensor | None = None,
    on_epoch: Callable[[int, nn.Module], None] = lambda *_: None,
) -> Clock:
    """Train `model` in place.

    Args:
        model: on the device of `images`.
        images: pictures with hard labels, uint8 or raw float32.
        recipe: what to do.
        normalisation: what the model's input is normalised with.
        seed: of order, augmentation, mixing and dropout.
        soft_labels: teacher logits for a batch; these or `static_labels` are needed when the recipe's loss needs a
            teacher.
        static_labels: one row of logits an image, float (N, classes), on the device of `images`.
        on_epoch: called after every epoch with its index from 0 and the network to evaluate.

    Returns:
        Where the seconds went.

    Raises:
        UserError: the recipe's `label_epochs` is less than one batch of these images.
    """
    labeller = Labeller(recipe, online=soft_labels, static=static_labels)
    assert labeller or not recipe.loss.needs_teacher, f"loss {recipe.loss.kind} needs soft labels"
    device = images.labels.device
    model.to(memory_format=torch.channels_last)  # 1.1 to 1.7 times faster on a CPU, ConvNets and ResNets alike
    generator = torch.Generator(device).manual_seed(seed)
    order = Order(len(images), recipe, generator=generator, seed=seed)
    optimiser = recipe.optimiser.build(model)
    average = ParameterAverage(model, recipe.ema, buffers=recipe.ema_buffers) if recipe.ema else None
    base_rates = [group["lr"] for group in optimiser.param_groups]
    clock = Clock()
    with _layers_draw_from(derive_seed("layers", seed), device):
        for epoch in range(recipe.epochs):
            factor = recipe.schedule.factor(epoch, recipe.epochs)
            for group, rate in zip(optimiser.param_groups, base_rates, strict=True):
                group["lr"] = rate * factor
            loss = recipe.loss_in(epoch)
            model.train()
            for batch in order.epoch(epoch):
                view = view_of(images, batch, recipe, normalisation)
                labels = view.labels
                if loss.needs_teacher:
                    with clock.on("labels"):
                        labels = labels._replace(teacher_logits=labeller(view, batch))
                inputs = normalisation(view.pictures)
                optimiser.zero_grad(set_to_none=True)
                add_gradients(model, inputs, labels, loss=loss, recipe=recipe)
                optimiser.step()
                if average:
                    average.update(model)
            with clock.on("reports"):
                on_epoch(epoch, average.network(model) if average else model)
    return clock.stop()


@contextmanager
def _layers_draw_from(seed: int, device: torch.device) -> Iterator[None]:
    """Dropout and stochastic depth take no generator: they draw from torch's global one, which is lent a seed here."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
