"""The loop of all methods that optimise images under a teacher.

A method is a choice of components; none of them is known here by name:

    plan -> init -> objective, and in every iteration: active -> view -> loss -> Adam step -> constrain
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rd3.base.keep import NOWHERE, Keep, Place, kept
from rd3.base.seeds import derive_seed
from rd3.recover.init import Init
from rd3.recover.objective import Look, Loss, Objective
from rd3.recover.plan import PlanItem
from rd3.recover.view import Transform
from rd3.training.graphs import own_stream

REPORT_EVERY = 50  # iterations


class Views(Protocol):
    """Draws what a teacher sees; `rd3.recover.view.View` is one."""

    def draw(self, count: int, size: int, progress: float, generator: torch.Generator) -> Transform: ...


class Parameters(Protocol):
    """What Adam moves, and how images are made of it; `rd3.recover.pixels.Pixels` is one."""

    @property
    def leaf(self) -> Tensor: ...

    def images(self) -> Tensor:
        """Normalised images (B, C, H, W), differentiable in `leaf`."""

    def constrain(self) -> None:
        """Put `leaf` back, in place, to where it is allowed to be."""


@dataclass(frozen=True)
class Stage:
    """Iterations at one image size; Adam starts anew, learning rate and crop schedule run on."""

    iterations: int
    size: int


def unchanged(images: Tensor, start: Tensor, size: int) -> Tensor:  # noqa: ARG001
    """The images go into the next stage as they are."""
    return images


def as_they_are(images: Tensor) -> Tensor:
    """Recovered images stay in the space that they were optimised in."""
    return images


def everything(item: PlanItem, iteration: int) -> Tensor | None:  # noqa: ARG001
    """Every image is active in every iteration."""
    return None


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """A method, as the loop sees it.

    Attributes:
        init: the normalised images that an item starts from.
        objective: the loss; see `rd3.recover.objective`.
        views: crop, flip, roll.
        parameters: what is optimised, made of the images that a stage starts with.
        stages: in order.
        lr: base learning rate of Adam (betas .5, .9), with one cosine to 0 over all stages.
        enter_stage: (images, start, size) -> images of that size, before every stage.
        active: rows of the item that take part in an iteration, int64, or None for all; with none nothing moves.
            Adam's step count is shared, so an image that joins late has no bias correction of its own.
        scale_loss: against gradients that underflow in float16; a step whose gradient overflows is left out.
    """

    init: Init
    objective: Objective
    views: Views
    parameters: Callable[[Tensor], Parameters]
    stages: tuple[Stage, ...]
    lr: float
    enter_stage: Callable[[Tensor, Tensor, int], Tensor] = unchanged
    active: Callable[[PlanItem, int], Tensor | None] = everything
    scale_loss: bool = False

    @property
    def iterations(self) -> int:
        return sum(stage.iterations for stage in self.stages)


def recover(
    plan: Iterable[PlanItem],
    recovery: Recovery,
    *,
    seed: int,
    device: torch.device,
    finish: Callable[[Tensor], Tensor] = as_they_are,
    keep: Keep = NOWHERE,
    progress: Callable[[float], None] = lambda _: None,
) -> Iterator[tuple[PlanItem, Tensor]]:
    """Recover the items of a plan, one after the other.

    Items are independent: what is drawn for one depends on `seed` and its index only, so that a part of a plan gives
    the same images as the whole, and finished items need not be made again.

    Args:
        finish: what becomes of an item's normalised images (B, C, H, W), for instance pixels.
        keep: where finished items are kept, and looked for.

    Yields:
        An item and its finished images on `device`.
    """
    items = list(plan)
    for number, item in enumerate(items):

        def report(fraction: float, number: int = number) -> None:
            progress((number + fraction) / len(items))

        def make(item: PlanItem = item, report: Callable[[float], None] = report) -> dict[str, Tensor]:
            return {"images": finish(recover_item(item, recovery, seed=seed, device=device, progress=report))}

        part = kept(keep, f"batch-{item.index}", make, Place(number + 1, len(items), "batches"))
        yield item, part["images"].to(device)
        report(1.0)


def recover_item(
    item: PlanItem,
    recovery: Recovery,
    *,
    seed: int,
    device: torch.device,
    progress: Callable[[float], None] = lambda _: None,
) -> Tensor:
    """Recover the images of one item; see `recover`."""
    images = start = start_of_item(item, recovery.init, seed=seed, device=device)
    item = item.to(device)
    run = _Run(item, recovery, recovery.objective(item, start), _generator("views", seed, item), progress)
    first = 0
    with own_stream(device):
        for stage in recovery.stages:
            images = recovery.enter_stage(images, start, stage.size)
            assert images.shape[-1] == stage.size, f"a stage at {stage.size} px got {images.shape[-1]} px"
            images = run.stage(images, range(first, first + stage.iterations))
            first += stage.iterations
    progress(1.0)
    return images


def start_of_item(item: PlanItem, init: Init, *, seed: int, device: torch.device) -> Tensor:
    """The normalised images that an item starts from, always the same."""
    return init(item, _generator("init", seed, item)).to(device)


@dataclass(frozen=True)
class _Run:
    """One item on its way through the stages."""

    item: PlanItem
    recovery: Recovery
    loss: Loss
    generator: torch.Generator
    progress: Callable[[float], None]

    def stage(self, images: Tensor, iterations: range) -> Tensor:
        parameters = self.recovery.parameters(images)
        leaf = parameters.leaf
        optimiser = torch.optim.Adam([leaf], lr=self.recovery.lr, betas=(0.5, 0.9), eps=1e-8, fused=leaf.is_cuda)
        scaler = torch.amp.GradScaler(images.device.type, enabled=self.recovery.scale_loss)
        for iteration in iterations:
            done = iteration / self.recovery.iterations
            optimiser.param_groups[0]["lr"] = self.recovery.lr * cosine(done)
            optimiser.zero_grad(set_to_none=True)
            look = self.look(parameters.images(), iteration, done)
            if look is not None:
                scaler.scale(self.loss(look)).backward()  # type: ignore[no-untyped-call]
                scaler.step(optimiser)
                scaler.update()
                parameters.constrain()
            if iteration % REPORT_EVERY == 0:
                self.progress(done)
        return parameters.images().detach()

    def look(self, images: Tensor, iteration: int, done: float) -> Look | None:
        item, rows = self.item, self.recovery.active(self.item, iteration)
        if rows is not None:
            if not len(rows):
                return None
            item, images = item.take(rows), images[rows]
        transform = self.recovery.views.draw(len(images), images.shape[-1], done, self.generator)
        return Look(images, transform(images), transform, item, iteration, self.recovery.iterations)


def cosine(progress: float) -> float:
    """(1 + cos(π t / T)) / 2: from 1 to 0, no warm-up."""
    return (1 + math.cos(math.pi * progress)) / 2


def assemble(recovered: Iterable[tuple[PlanItem, Tensor]], *, ipc: int, classes: int) -> Tensor:
    """Images of all items, (classes · ipc, C, H, W), class by class in label order."""
    rows, images = zip(*((item.rows(ipc), images) for item, images in recovered), strict=True)
    together = torch.cat(images)
    assert len(together) == classes * ipc, "the plan has every image exactly once"
    return together[torch.cat(rows).argsort().to(together.device)]


def _generator(purpose: str, seed: int, item: PlanItem) -> torch.Generator:
    return torch.Generator().manual_seed(derive_seed("recover", purpose, seed, item.index))
