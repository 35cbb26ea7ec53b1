"""Trajectory matching: a student that trains on the learned set comes to where an expert came on the real images.

Cazenavette et al. 2022 (MTT, CVPR, arXiv 2203.11932), algorithm 1; with the choices that TESLA (arXiv 2211.10586), DATM
(arXiv 2310.05773) and EDF (arXiv 2410.17193) make in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from rd3.matching.experts import Experts
from rd3.matching.learned_set import LearnedSet
from rd3.matching.loop import State
from rd3.matching.student import Student
from rd3.matching.trainer import batches
from rd3.matching.unrolled import Distance, Found, TrainingLoss, two_pass, unrolled
from rd3.training.augment.base import Augmentation, Draw

Gradient = Literal["unrolled", "exact", "released"]
DistanceTo = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of the parameters that a student ends with from an expert's: (end, start, goal) to a scalar."""


@dataclass(frozen=True)
class MatchRange:
    """From which epochs of an expert students start.

    Attributes:
        earliest: the first one.
        latest: the one after the last.
        first_latest: that of the first iteration, from where it grows to `latest`; None has `latest` all the time.
        expansion: iterations that it takes to grow.
    """

    earliest: int
    latest: int
    first_latest: int | None = None
    expansion: int = 1

    def end(self, iteration: int) -> int:
        """The epoch after the last one in an iteration.

        >>> growing = MatchRange(0, 20, first_latest=10, expansion=1000)
        >>> [growing.end(iteration) for iteration in (0, 99, 100, 999, 1000, 5000)]
        [10, 10, 11, 19, 20, 20]
        """
        if self.first_latest is None:
            return self.latest
        grown = int((self.latest - self.first_latest) * iteration / self.expansion)
        return min(self.latest, self.first_latest + grown)


@dataclass(frozen=True)
class MatchPlan:
    """What is matched and how.

    Attributes:
        steps: N, of the student.
        target_epochs: M, of the expert.
        range: of the epochs that students start from.
        batch: learned images in a step; None for all.
        gradient: `unrolled`, through one graph; the same step by step (`exact`); TESLA's (`released`).
        threshold: a larger distance changes nothing; None for any.
        augmentation: of the learned images in every step, drawn for every image; or None.
    """

    steps: int
    target_epochs: int
    range: MatchRange
    batch: int | None = None
    gradient: Gradient = "unrolled"
    threshold: float | None = None
    augmentation: Augmentation | None = None


class Emphasis(Protocol):
    """Weights of the pixels' gradients."""

    def __call__(self, iteration: int, learned: LearnedSet) -> Tensor:
        """Of the images' shape, or one that broadcasts to it."""

    def state(self) -> State:
        """What lasts from one iteration to the next."""

    def restore(self, state: State) -> None:
        """Go on from there."""


class Step(NamedTuple):
    """What a student sees in a step: rows of the learned set, and how they are augmented."""

    rows: Tensor
    draw: Draw | None


def normalised_distance(end: Tensor, start: Tensor, goal: Tensor) -> Tensor:
    """‖end − goal‖² / ‖start − goal‖², 1 for a student that stays where it is."""
    return (end - goal).square().sum() / (start - goal).square().sum()


class TrajectoryMatching:
    """One random expert and one update of the learned set an iteration.

    Args:
        generator: of everything that is drawn, on the images' device.
        distance: of where the student ends.
        emphasis: of the pixels' gradients; None takes them as they are.
    """

    def __init__(
        self,
        learned: LearnedSet,
        experts: Experts,
        student: Student,
        plan: MatchPlan,
        *,
        generator: torch.Generator,
        distance: DistanceTo = normalised_distance,
        emphasis: Emphasis | None = None,
    ) -> None:
        self._learned, self._experts, self._student, self._plan = learned, experts, student, plan
        self._generator, self._distance, self._emphasis = generator, distance, emphasis

    def iterate(self, iteration: int) -> Tensor:
        start, goal = self._segment(iteration)
        steps = self._steps()
        weights = None if self._emphasis is None else self._emphasis(iteration, self._learned)
        found = self._gradients(
            partial(self._training_loss, steps), lambda end: self._distance(end, start, goal), start
        )
        if weights is not None:
            found.learned[0].mul_(weights)
        if self._plan.threshold is None or float(found.distance) <= self._plan.threshold:
            self._learned.descend(found)
        return found.distance

    def _segment(self, iteration: int) -> tuple[Tensor, Tensor]:
        """The parameters of a random expert before and after some epochs."""
        plan, device = self._plan, self._learned.images.device
        expert = self._experts[self._draw(0, self._experts.count)]
        epoch = self._draw(plan.range.earliest, plan.range.end(iteration))
        return expert[epoch].to(device), expert[epoch + plan.target_epochs].to(device)

    def _draw(self, low: int, high: int) -> int:
        return int(torch.randint(low, high, (), generator=self._generator, device=self._generator.device))

    def _steps(self) -> list[Step]:
        """Batches of random orders of the whole set, one order after the other."""
        count, size = len(self._learned.images), self._learned.images.shape[-1]
        rows: list[Tensor] = []
        while len(rows) < self._plan.steps:
            rows += batches(count, min(self._plan.batch or count, count), self._generator)
        augmentation = self._plan.augmentation
        return [
            Step(part, None if augmentation is None else augmentation.draw(len(part), size, self._generator))
            for part in rows[: self._plan.steps]
        ]

    def _training_loss(self, steps: list[Step], parameters: Tensor, step: int) -> Tensor:
        rows, draw = steps[step]
        images = self._learned.images[rows]
        if self._plan.augmentation is not None and draw is not None:
            images = self._plan.augmentation.transform(images, draw)
        return self._learned.loss(self._student(parameters, images), rows)

    def _gradients(self, loss: TrainingLoss, distance: Distance, start: Tensor) -> Found:
        how = self._plan.gradient
        through = unrolled if how == "unrolled" else partial(two_pass, exact=how == "exact")
        learned, rate = self._learned.leaves, self._learned.rate
        return through(loss, distance, start=start, steps=self._plan.steps, learned=learned, rate=rate)

    def state(self) -> State:
        state = {"learned": self._learned.carried(self._generator).state()}
        return state if self._emphasis is None else state | {"emphasis": self._emphasis.state()}

    def restore(self, state: State) -> None:
        self._learned.carried(self._generator).restore(state["learned"])
        if self._emphasis is not None:
            self._emphasis.restore(state["emphasis"])
