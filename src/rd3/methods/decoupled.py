"""What the optimisation-based methods of the decoupled family share: each is a row of switches of one engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.methods.base import Distilled, Method, Task
from rd3.models.footprint import bound
from rd3.recover.active import joining_rounds
from rd3.recover.build import plan_of, recovery_of
from rd3.recover.engine import Recovery, assemble, recover
from rd3.recover.finish import saved_as
from rd3.recover.losses import real_looks
from rd3.recover.memory import recovery_bytes
from rd3.recover.pixels import PixelSpace
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.starts import looks
from rd3.recover.statistics import require_batch_norm
from rd3.recover.switches import LATER, Switches
from rd3.squeeze.readings import batch_norms

START_FLAGS = {"real": "init from real images", "medium": "init from real images", "noise": None}
START_AIDS: dict[str, tuple[str, ...]] = {"noise": (), "real": ("real images",), "medium": ("real images",)}


class Decoupled(Switches, Method):
    """Images that teachers classify as asked, with the statistics of real ones; see `Switches` for the settings."""

    aids: ClassVar[tuple[str, ...]] = ("teacher",)
    later: ClassVar[frozenset[str]] = LATER

    def distill(self, task: Task) -> Distilled:
        problem = self.problem(task)
        classes = task.target.num_classes
        images = assemble(self.recovered(problem, task), ipc=task.ipc, classes=classes)
        labels = torch.arange(classes, device=images.device).repeat_interleave(task.ipc)
        return Distilled(images, labels, info=self.info(problem))

    def problem(self, task: Task) -> Problem:
        """What the engine is asked for.

        Raises:
            UserError: no teacher has BatchNorm statistics to match, or teachers know other classes.
        """
        assert task.teacher is not None
        if not (self.conv or self.tile) and not any(batch_norms(teacher.model) for teacher in task.teachers):
            require_batch_norm(task.teacher, self.title)
        for teacher in task.teachers:
            if teacher.classes != task.teacher.classes:
                raise UserError(f"teachers {task.teacher.name} and {teacher.name} do not have the same classes")
        return Problem(
            task.target,
            task.teachers,
            ipc=task.ipc,
            seed=task.seed,
            device=task.device,
            keep=task.keep,
            shelf=task.shelf,
        )

    def recovered(self, problem: Problem, task: Task) -> Iterable[tuple[PlanItem, Tensor]]:
        """Every item of the plan with its pixels."""
        return self.run(plan_of(self, problem), recovery_of(self, problem), task)

    def run(self, plan: Iterable[PlanItem], recovery: Recovery, task: Task) -> Iterator[tuple[PlanItem, Tensor]]:
        """The engine's work on a plan; finished batches are kept."""
        finish = self.finish(task)
        return recover(
            plan, recovery, seed=task.seed, device=task.device, finish=finish, keep=task.keep, progress=task.progress
        )

    def finish(self, task: Task) -> Callable[[Tensor], Tensor]:
        """From normalised images to uint8 ones, as they come back from a file."""
        assert task.teacher is not None
        space = PixelSpace(task.teacher.mean, task.teacher.std)
        return lambda images: saved_as(space.decode(images, quantise=self.quantise), self.save)

    def declared_aids(self) -> tuple[str, ...]:
        return (*self.aids, *START_AIDS.get(self.init, ("real patches",)))

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        return bound(recovery_bytes(self, target, ipc, teachers, device), device)

    def cost(self, target: Target, ipc: int) -> int:
        return self.forwards(target, ipc) + looks(self.init, target, ipc) // 3  # scoring is forward only

    def info(self, problem: Problem) -> dict[str, Any]:
        """What is worth keeping about the work."""
        target, ipc = problem.target, problem.ipc
        forwards = self.forwards(target, ipc, len(problem.teachers)) + looks(self.init, target, ipc)
        forwards += real_looks(self, target, ipc) * (1 if self.combine == "single" else len(problem.teachers))
        pool = {"teachers": [teacher.name for teacher in problem.teachers]} if self.combine != "single" else {}
        return {"teacher_forwards": forwards, "flags": self.flags(problem), **pool}

    def flags(self, problem: Problem) -> list[str]:
        """What a reader must know."""
        flags = []
        if self.flip and not problem.target.flip_keeps_class:
            flags.append("no flip: it would change the class")
        start = START_FLAGS.get(self.init, "init from real patches")
        if start:
            flags.append(start)
        if self.combine != "single" and len(problem.teachers) == 1:
            flags.append("one teacher in place of a pool")
        flags += [f"passes of a teacher were called: {reason}" for reason in sorted(set(problem.refused))]
        return flags

    def forwards(self, target: Target, ipc: int, teachers: int = 2) -> int:
        """Images that go through teachers while they are optimised; `teachers` is the size of the pool."""
        at_once = min(2, teachers) if self.combine == "pair" else 1
        looks_each = at_once * (2 if self.flatness else 1)
        updates = self.updates(ipc) * looks_each * target.num_classes
        climbing = {"round-robin": teachers, "pair": at_once}.get(self.combine, 1)  # of the teachers, for a batch
        return updates + self.perturb_steps * climbing * self.climbed(target.num_classes) * ipc

    def climbed(self, classes: int) -> int:
        """Images that teachers climb on for all chunks of a slot, at every step."""
        if self.perturb_reset == "chunk":
            return classes
        sizes = [min(self.batch_size, classes - first) for first in range(0, classes, self.batch_size)]
        return sum(size * (len(sizes) - place) for place, size in enumerate(sizes))  # again for every later chunk

    def updates(self, ipc: int) -> int:
        """Steps of a class's images, summed over the images."""
        if not self.round_iterations:
            return self.iterations * ipc
        rounds = joining_rounds(ipc, max(1, self.iterations // self.round_iterations))
        return self.iterations * ipc - int(rounds.sum()) * self.round_iterations
