"""What the trajectory-matching methods share: experts, the learned set's start, and its way out."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.matching.expert_files import stamped
from rd3.matching.experts import ExpertPlan, Experts, trajectory
from rd3.matching.inputs import Inputs, RealImages, inputs_of
from rd3.matching.learned_set import LearnedSet, Rates
from rd3.matching.loop import learn
from rd3.matching.pixels import quantised
from rd3.matching.sharpness import Sharpness
from rd3.matching.student import Student
from rd3.matching.trajectory_matching import Gradient, MatchPlan, MatchRange, TrajectoryMatching
from rd3.methods.base import Distilled, Method, Task, require_enough
from rd3.methods.given_experts import given_experts, normalisation_for
from rd3.methods.matched import for_target, network_for, summary
from rd3.methods.trajectory_memory import trajectory_bytes
from rd3.models import create_model
from rd3.models.footprint import bound
from rd3.training.augment.dsa import DSA
from rd3.training.augment.dsa_operations import UNORDERED


@dataclass(frozen=True)
class Workshop:
    """What a method and a task give the algorithm to work with.

    Attributes:
        inputs: the preparation of images.
        real: the real images, prepared.
        experts: on them.
        student: the experts' architecture.
        generator: of all that is drawn but the experts.
        facts: on experts that were given.
    """

    task: Task
    inputs: Inputs
    real: RealImages
    experts: Experts
    student: Student
    generator: torch.Generator
    facts: dict[str, Any] = field(default_factory=dict)


class Trajectory(Method):
    """Base of the trajectory-matching methods. Experts are shared by all syntheses on a target, whatever their draw.

    Attributes:
        network: of experts and students; None is the papers' ConvNet for the target's size.
        iterations: each matches a stretch of one expert's trajectory.
        steps: N, of a student on the learned images.
        target_epochs: M, of the expert on the real ones.
        latest_start: T⁺, the epoch after the last one that students start from.
        batch: learned images in a step; None for all.
        student_lr: the student's learning rate at first; it is learned.
        image_lr, rate_lr: step sizes of SGD (momentum 0.5) on the images, as networks take them, and on that rate.
        zca: whether images are whitened (ε .1) in place of being normalised.
        experts, expert_epochs, expert_batch, expert_lr: how many there are, and their SGD without momentum.
        augment: `dsa` for every image that experts and students see, one operation a batch; or none.
        gradient: `unrolled` through one graph over all steps; `exact`, the same in the memory of one step and more
            time; `released`, TESLA's code, which leaves out how a step depends on the images of those before it.
        quantise: `none` keeps the learned values as floats, not clamped, as the papers evaluate them; `uint8` clamps
            and rounds them.
        expert_files: folder of MTT's replay buffers (`replay_buffer_0.pt`, …), whose first `experts` are taken up to
            `expert_epochs`; None trains them. Their training is then not in the seconds. A hash of the files is added.
        expert_pixels: how images were normalised for the given experts, where they were not whitened; None takes the DC
            family's statistics, CIFAR-10's for CIFAR-100, and the target's for what the family has none of.
    """

    later: ClassVar[frozenset[str]] = frozenset({"expert_files", "expert_pixels"})

    needs_teacher: ClassVar[bool] = False
    aids: ClassVar[tuple[str, ...]] = ("real images",)

    network: str | None = None
    iterations: int = Field(ge=1)
    steps: int = Field(ge=1)
    target_epochs: int = Field(default=2, ge=1)
    latest_start: int = Field(ge=1)
    batch: int | None = Field(default=None, ge=1)
    student_lr: float = Field(default=0.01, gt=0)
    image_lr: float = Field(gt=0)
    rate_lr: float = Field(gt=0)
    zca: bool = False
    experts: int = Field(default=100, ge=1)
    expert_epochs: int = Field(default=50, ge=1)
    expert_batch: int = Field(default=256, ge=1)
    expert_lr: float = Field(default=0.01, gt=0)
    augment: Literal["dsa", "none"] = "dsa"
    gradient: Gradient = "unrolled"
    quantise: Literal["none", "uint8"] = "none"
    expert_files: str | None = None
    expert_pixels: Literal["norm_dc", "norm_cifar10", "norm_imagenet", "norm_target"] | None = None

    def unordered(self) -> str | None:
        return UNORDERED if self.augment == "dsa" else None

    @field_validator("expert_files")
    @classmethod
    def _stamped(cls, value: str | None) -> str | None:
        return None if value is None else stamped(value)

    def distill(self, task: Task) -> Distilled:
        require_enough(task.target, task.ipc)
        self._require_range()
        workshop, share = self.workshop(task), self._experts_share(task)
        workshop.experts.prepare(lambda done: task.progress(share * done))
        learned = self.start(workshop)
        losses = learn(
            self.algorithm(workshop, learned),
            self.iterations,
            keep=task.keep,
            progress=lambda done: task.progress(1 - (1 - share) * (1 - done)),
        )
        return self._distilled(workshop, learned, losses)

    @abstractmethod
    def start(self, workshop: Workshop) -> LearnedSet:
        """The learned set before the first iteration."""

    def algorithm(self, workshop: Workshop, learned: LearnedSet) -> TrajectoryMatching:
        """What is done in an iteration."""
        return TrajectoryMatching(
            learned, workshop.experts, workshop.student, self.plan(workshop), generator=workshop.generator
        )

    def workshop(self, task: Task) -> Workshop:
        """Real images, experts, student and generator."""
        whitening: Literal["kornia"] | None = "kornia" if self.zca else None
        inputs = inputs_of(task.target, whitening, task.device, normalised=normalisation_for(self, task.target))
        real = RealImages(task.target.train.to(task.device), inputs)
        network = self.random_network(task, 0)
        if self.expert_files is not None:
            experts, facts = given_experts(self, network, self._network_name(task.target), real, inputs.space)
            return Workshop(task, inputs, real, experts, Student(network), task.generator(), facts)
        plan = ExpertPlan(
            self.expert_epochs, self.expert_batch, self.expert_lr, self._augmentation(task.target), self.sharpness
        )
        experts = Experts(
            lambda number: self._expert(task, real, plan, number),
            count=self.experts,
            facts=self._facts(task, inputs, plan),
            shelf=task.trajectories,
        )
        return Workshop(task, inputs, real, experts, Student(network), task.generator())

    @property
    def sharpness(self) -> Sharpness | None:
        """Of the experts' steps."""
        return None

    @property
    def match_range(self) -> MatchRange:
        """Epochs that students start from."""
        return MatchRange(0, self.latest_start)

    def plan(self, workshop: Workshop) -> MatchPlan:
        """What is matched."""
        return MatchPlan(
            steps=self.steps,
            target_epochs=self.target_epochs,
            range=self.match_range,
            batch=self.batch,
            gradient=self.gradient,
            augmentation=self._augmentation(workshop.task.target),
        )

    @property
    def rates(self) -> Rates:
        """Step sizes."""
        return Rates(images=self.image_lr, rate=self.rate_lr)

    def _augmentation(self, target: Target) -> DSA | None:
        return None if self.augment == "none" else for_target(target, DSA())

    def _expert(self, task: Task, real: RealImages, plan: ExpertPlan, number: int) -> Tensor:
        generator = torch.Generator(task.device).manual_seed(derive_seed("expert's batches", number))
        return trajectory(self.random_network(task, number), real, plan, generator)

    def random_network(self, task: Task, number: int) -> nn.Module:
        """The untrained network of a number."""
        target = task.target
        network = create_model(
            self._network_name(target),
            classes=target.num_classes,
            size=target.size,
            channels=target.channels,
            seed=derive_seed("expert", number),
        )
        return network.to(task.device)

    def _network_name(self, target: Target) -> str:
        return self.network or network_for(target.size)

    def _facts(self, task: Task, inputs: Inputs, plan: ExpertPlan) -> dict[str, Any]:
        """All that decides the bits of experts."""
        augmentation = None if plan.augmentation is None else plan.augmentation.as_json()
        sharpness = None if plan.sharpness is None else dataclasses.asdict(plan.sharpness)
        return {
            "target": task.target.fingerprint,
            "network": self._network_name(task.target),
            "inputs": inputs.space,
            "training": {"epochs": plan.epochs, "batch": plan.batch, "lr": plan.lr},
            "augmentation": augmentation,
            "sharpness": sharpness,
            "device": task.device.type,
        }

    def _distilled(self, workshop: Workshop, learned: LearnedSet, losses: Tensor) -> Distilled:
        raw = workshop.inputs.to_raw(learned.images.detach())
        finite = all(bool(value.isfinite().all()) for value in (raw, learned.labels, learned.rate, losses))
        name, rate = self.title.lower(), float(learned.rate.detach())
        if not finite:
            raise UserError(f"{name}: image_lr = {self.image_lr}: the images diverged; use a smaller value")
        if rate <= 0:
            raise UserError(
                f"{name}: rate_lr = {self.rate_lr}: the learned rate fell to {rate:.3g}; use a smaller value"
            )
        return Distilled(
            images=quantised(raw) if self.quantise == "uint8" else raw,
            labels=workshop.task.labels,
            soft_labels=learned.labels.detach() if learned.soft else None,
            learned_lr=rate,
            info={**summary(losses), **workshop.facts},
            space=workshop.inputs.space,
        )

    def _require_range(self) -> None:
        last = self.match_range.latest - 1 + self.target_epochs
        if last > self.expert_epochs:
            raise UserError(
                f"expert_epochs = {self.expert_epochs}: students may start after {self.match_range.latest - 1} epochs"
                f" and are to come {self.target_epochs} further, which takes at least {last}"
            )
        if not 0 <= self.match_range.earliest < self.match_range.end(0):
            raise UserError(
                f"earliest_start = {self.match_range.earliest}: expected less than where students start last"
            )

    def _experts_share(self, task: Task) -> float:
        """Of the experts in the cost."""
        return self._experts_cost(task.target) / max(1, self.cost(task.target, task.ipc))

    def _experts_cost(self, target: Target) -> int:
        if self.expert_files is not None:
            return 0
        return (1 if self.sharpness is None else 2) * self.experts * self.expert_epochs * len(target.train)

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:  # noqa: ARG002
        return bound(trajectory_bytes(self, target, ipc, device), device)

    def cost(self, target: Target, ipc: int) -> int:
        """A step of a student is differentiated twice, and with `exact` and `released` done twice."""
        count = target.num_classes * ipc
        step = min(self.batch or count, count) * (3 if self.gradient == "unrolled" else 4)
        return self._experts_cost(target) + self.iterations * self.steps * step
