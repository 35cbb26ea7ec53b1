"""The one training loop, for teachers and students.

It reads top to bottom like the protocol: order, augment, mix, label, normalise, step. Every random draw comes from one
generator on the device, so a run is a function of (images, network, recipe, seed).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rd3.data.images import Images
from rd3.training.augment.base import augment
from rd3.training.ema import ParameterAverage
from rd3.training.losses import Labels
from rd3.training.recipe import Recipe

LOOP_REVISION = 1  # raised whenever the same recipe and seed would give other bits than before

SoftLabels = Callable[[Tensor, Tensor], Tensor]  # (pictures in [0, 1] as the student sees them, image ids) -> logits


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation of pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pictures: Tensor) -> Tensor:
        mean = pictures.new_tensor(self.mean).view(-1, 1, 1)
        return (pictures - mean) / pictures.new_tensor(self.std).view(-1, 1, 1)


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
    on_epoch: Callable[[int, nn.Module], None] = lambda *_: None,
) -> Clock:
    """Train `model` in place.

    Args:
        model: on the device of `images`.
        images: uint8 pictures with hard labels.
        recipe: what to do.
        normalisation: what the model's input is normalised with.
        seed: of order, augmentation and mixing.
        soft_labels: teacher logits for a batch; needed when the recipe's loss needs a teacher.
        on_epoch: called after every epoch with its index from 0 and the network to evaluate.

    Returns:
        Where the seconds went.
    """
    assert soft_labels is not None or not recipe.loss.needs_teacher, f"loss {recipe.loss.kind} needs soft labels"
    device = images.labels.device
    model.to(memory_format=torch.channels_last)  # 1.1 to 1.7 times faster on a CPU, ConvNets and ResNets alike
    generator = torch.Generator(device).manual_seed(seed)
    optimiser = recipe.optimiser.build(model)
    average = ParameterAverage(model, recipe.ema) if recipe.ema else None
    base_rates = [group["lr"] for group in optimiser.param_groups]
    clock = Clock()
    for epoch in range(recipe.epochs):
        factor = recipe.schedule.factor(epoch, recipe.epochs)
        for group, rate in zip(optimiser.param_groups, base_rates, strict=True):
            group["lr"] = rate * factor
        model.train()
        for indices in _batches(len(images), recipe, generator):
            pictures, labels = _views(images, indices, recipe, normalisation, generator)
            if soft_labels is not None:
                with clock.on("labels"), torch.no_grad():
                    labels = labels._replace(teacher_logits=soft_labels(pictures, indices))
            loss = recipe.loss(model(normalisation(pictures)), labels)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            if average:
                average.update(model)
        with clock.on("reports"):
            on_epoch(epoch, average.network(model) if average else model)
    return clock.stop()


def _batches(count: int, recipe: Recipe, generator: torch.Generator) -> list[Tensor]:
    """Image ids of one epoch, shuffled and cut into batches."""
    batch = min(recipe.batch_size, count)
    batches = list(torch.randperm(count, generator=generator, device=generator.device).split(batch))
    if recipe.drop_last and len(batches[-1]) < batch:
        batches.pop()
    return batches


def _views(
    images: Images, indices: Tensor, recipe: Recipe, normalisation: Normalisation, generator: torch.Generator
) -> tuple[Tensor, Labels]:
    """One augmented and mixed batch in [0, 1], with its hard labels.

    Mixing commutes with a per-channel normalisation, so teacher and student can each apply their own afterwards.
    """
    pictures = images.batch(indices).float().div_(255)
    labels = Labels(hard=images.labels[indices])
    pictures = augment(pictures, recipe.augment, generator, mean=normalisation.mean, std=normalisation.std)
    if recipe.mix is None:
        return pictures, labels
    size = pictures.shape[-1]
    draw = recipe.mix.draw(len(pictures), size, generator)
    mixed = recipe.mix.apply(pictures, draw)
    return mixed, labels._replace(partner=labels.hard[draw.partner], weight=recipe.mix.hard_weight(draw, size))
