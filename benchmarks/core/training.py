"""Training steps of rd3's loop on made-up pictures, timed: what a step costs doesn't depend on what is in them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from benchmarks.core.clock import synchronise
from benchmarks.core.steps import Workload
from torch import Tensor, nn

import rd3
from rd3.base.errors import UserError
from rd3.data.facts import TargetFacts
from rd3.data.images import MemoryImages
from rd3.training.execution import Execution
from rd3.training.graphs import WARM_UP
from rd3.training.loop import Normalisation, fit
from rd3.training.recipe import Recipe

NORMALISATION = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


@dataclass(frozen=True)
class Steps:
    """Seconds of a step.

    Attributes:
        seconds: median over epochs after those in which things are done once.
        busy: share of that time in which this process computed; on a CPU only, else None.
        first: seconds until the first epoch was done, with all that a run does once.
    """

    seconds: float
    busy: float | None
    first: float


def recipe_of(work: Workload, *, ipc: int, epochs: int, protocol: str = "rd3", **changes: Any) -> Recipe:
    """What the protocol says for the workload, at other epochs."""
    facts = TargetFacts("made up", work.size, 3, work.classes, flip_keeps_class=True)
    settings, _ = rd3.load_protocol(protocol).resolve(facts, ipc, work.model)
    return settings.recipe().model_copy(update={"epochs": epochs, **changes})


def pictures(work: Workload, ipc: int, device: torch.device) -> MemoryImages:
    """Noise, uint8, with as many of every class."""
    draw = torch.Generator().manual_seed(0)
    shape = (ipc * work.classes, 3, work.size, work.size)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=draw)
    return MemoryImages(pixels, torch.arange(work.classes).repeat_interleave(ipc)).to(device)


def timed_steps(
    work: Workload,
    recipe: Recipe,
    device: torch.device,
    *,
    ipc: int,
    execution: Execution,
    labels: str = "online",
    seed: int = 0,
    warm: Callable[[], object] = lambda: None,
) -> Steps:
    """Train a student on noise and time its epochs.

    Args:
        labels: `online`, by a teacher of the same architecture, or `static`.
        warm: called when all is done that a run does once; the epochs until then are not timed.

    Raises:
        UserError: steps were to be captured and could not be.
    """
    images = pictures(work, ipc, device)
    steps = recipe.batches(len(images))
    once = -(-(WARM_UP + 1) // steps) if execution.graphs else 1  # epochs with warm-up and capture
    recipe = recipe.model_copy(update={"epochs": recipe.epochs - 1 + once})
    student = work.network(device, seed=seed)
    ends: list[tuple[float, float]] = []

    def note(epoch: int, _: nn.Module) -> None:
        synchronise(device)
        if epoch == once - 1:
            warm()
        ends.append((time.perf_counter(), time.process_time()))

    begun = time.perf_counter()
    clock = fit(
        student,
        images,
        recipe,
        normalisation=NORMALISATION,
        seed=seed,
        execution=execution,
        on_epoch=note,
        **_labelling(work, labels, len(images), device),
    )
    if clock.not_captured is not None:
        raise UserError(f"{work.name}: {clock.not_captured}")
    spans = [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(ends[once - 1 :])]
    busy = sum(cpu for _, cpu in spans) / sum(wall for wall, _ in spans) if device.type == "cpu" else None
    return Steps(median(wall for wall, _ in spans) / steps, busy, ends[0][0] - begun)


def _labelling(work: Workload, labels: str, images: int, device: torch.device) -> dict[str, Any]:
    if labels == "static":
        return {"static_labels": torch.zeros(images, work.classes, device=device)}
    teacher = work.network(device, seed=1).eval().requires_grad_(False)

    def label(pictures: Tensor, indices: Tensor) -> Tensor:  # noqa: ARG001
        logits: Tensor = teacher(NORMALISATION(pictures))
        return logits

    return {"soft_labels": label}


def with_batch(work: Workload, recipe: Recipe, ipc: int) -> Workload:
    """The workload at the batch that the recipe gives it."""
    return replace(work, batch=recipe.full_batch(ipc * work.classes))
