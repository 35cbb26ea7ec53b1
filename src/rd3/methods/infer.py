"""INFER: one perturbation for all classes compensates what single images lack.

Paper: Zhang et al., Breaking Class Barriers: Efficient Dataset Distillation via Inter-Class Feature Compensator,
    ICLR 2025, arXiv 2408.06927.
Origin: https://github.com/zhangxin-xd/UFC
Config: for every real image a class and each of M teachers one perturbation that all classes share (CIFAR: ResNet-18,
    MobileNetV2, EfficientNet-B0, ShuffleNetG2; ImageNet: three). Settings for Tiny-ImageNet are unverified.
Differences: IPC counts images here: with M teachers, slot s shows real image s // (M + 1) with the perturbation of
    teacher s mod (M + 1), or none for the last. The paper counts bytes, a perturbation as one image for all classes:
    its IPC 10 with 4 teachers is 7 real images and 35 images a class on CIFAR-10. Its labels (static, dynamic) are
    a matter of the protocol. No BatchNorm layer is skipped (the reference leaves one out by mistake).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.build import check, plan_of, recovery_of
from rd3.recover.committee import by_item
from rd3.recover.engine import Recovery, start_of_item
from rd3.recover.init import Init
from rd3.recover.losses import completed, teacher_objectives
from rd3.recover.pixels import PixelSpace
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.starts import start_of
from rd3.recover.switches import Count, InitName


@METHODS.add("infer")
class Infer(Decoupled):
    """Real images, and the same with a perturbation that is shared by all classes."""

    title: ClassVar[str] = "INFER"
    paper: ClassVar[str] = "arXiv 2408.06927"
    wants_pool: ClassVar[bool] = True
    aids: ClassVar[tuple[str, ...]] = ("teacher", "teacher pool")

    iterations: Count = 2000
    init: InitName = "real"
    param: Literal["pixels", "shared"] = "shared"
    combine: Literal["slot"] = "slot"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        roll = usual_roll(target)
        if family(target) == "cifar":
            return {"iterations": 1000, "r_bn": 1.0, "crop": "none", "flip": False, "roll": roll}
        return {"batch_size": 1000, "roll": roll}

    def recovered(self, problem: Problem, task: Task) -> Iterator[tuple[PlanItem, Tensor]]:
        variants, recovery = len(problem.teachers) + 1, self.recovery(problem)
        plan = plan_of(self, problem)
        moved = [item for item in plan if int(item.slots[0]) % variants < len(problem.teachers)]
        yield from self.run(moved, recovery, task)
        still, finish = {item.index for item in plan} - {item.index for item in moved}, self.finish(task)
        for item in plan:
            if item.index in still:
                yield item, finish(start_of_item(item, recovery.init, seed=task.seed, device=task.device))

    def forwards(self, target: Target, ipc: int, teachers: int = 4) -> int:
        return super().forwards(target, ipc - ipc // (teachers + 1), teachers)

    def recovery(self, problem: Problem) -> Recovery:
        """Slots of one real image start from it, and each has a teacher of its own."""
        check(self, problem)
        variants = len(problem.teachers) + 1
        space = PixelSpace(problem.teacher.mean, problem.teacher.std)
        init = _of_real_image(start_of(self.init, problem, space), variants)
        own = teacher_objectives(self, problem, space, init)
        objective = completed(by_item(own, lambda item: int(item.slots[0]) % variants), self)
        return recovery_of(self, problem, objective=objective, init=init)


def _of_real_image(init: Init, variants: int) -> Init:
    def start(item: PlanItem, generator: torch.Generator) -> Tensor:
        return init(dataclasses.replace(item, slots=item.slots // variants), generator)

    return start
