"""The papers' loops, written out in float64 with no part of the engine but the seeds."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.recover.build import recovery_of
from rd3.recover.engine import recover_item
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.switches import Switches
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")
SEED = 5
SHARED = {"init": "real", "crop": "none", "flip": False, "roll": 2, "lr": 0.25, "r_bn": 0.1, "iterations": 6}


def recovered(target: Target, teachers: tuple[Teacher, ...], item: PlanItem, *, ipc: int, **switches: object) -> Tensor:
    """What the engine makes of an item, in float64."""
    settings = Switches.model_validate({**SHARED, **switches})
    recovery = recovery_of(settings, Problem(target, teachers, ipc=ipc, seed=SEED, device=CPU))
    double = dataclasses.replace(recovery, init=lambda item, stream: recovery.init(item, stream).double())
    return recover_item(item, double, seed=SEED, device=CPU)


def real_start(target: Target, teacher: Teacher, item: PlanItem, *, ipc: int) -> Tensor:
    """The item's real images."""
    settings = Switches.model_validate({**SHARED, "iterations": 0})
    recovery = recovery_of(settings, Problem(target, (teacher,), ipc=ipc, seed=SEED, device=CPU))
    return recovery.init(item, torch.Generator()).double()


class PlainTeacher:
    """CE and BatchNorm terms of one network, spelled out."""

    def __init__(self, teacher: Teacher) -> None:
        self.model = copy.deepcopy(teacher.model)
        self.inputs: dict[nn.Module, Tensor] = {}
        self.layers = [module for module in self.model.modules() if isinstance(module, nn.BatchNorm2d)]
        for layer in self.layers:
            layer.register_forward_hook(lambda module, args, _: self.inputs.__setitem__(module, args[0]))

    def loss(self, z: Tensor, labels: Tensor, *, var_w: float = 1.0) -> Tensor:
        loss = F.cross_entropy(self.model(z), labels)
        for number, layer in enumerate(self.layers):
            features = self.inputs[layer].transpose(0, 1).flatten(1)
            off_mean = (features.mean(1) - layer.running_mean).norm()  # type: ignore[operator]
            off_variance = (features.var(1, unbiased=False) - layer.running_var).norm()  # type: ignore[operator]
            loss = loss + 0.1 * (10 if number == 0 else 1) * (off_mean + var_w * off_variance)
        return loss


class PlainRun:
    """Adam with one cosine, rolls from the engine's stream, clamping."""

    def __init__(self, teacher: Teacher, item: PlanItem, steps: int) -> None:
        self.stream = torch.Generator().manual_seed(derive_seed("recover", "views", SEED, item.index))
        self.mean, self.std, self.steps, self.step = teacher.mean[0], teacher.std[0], steps, 0

    def optimise(self, leaf: Tensor, steps: int, loss: Callable[[Tensor, int], Tensor], *, clamp: bool = True) -> None:
        optimiser = torch.optim.Adam([leaf], lr=0.25, betas=(0.5, 0.9), eps=1e-8)
        for _ in range(steps):
            optimiser.param_groups[0]["lr"] = 0.25 * (1 + math.cos(math.pi * self.step / self.steps)) / 2
            optimiser.zero_grad()
            loss(leaf, self.step).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if clamp:
                leaf.data = leaf.data.clamp(-self.mean / self.std, (1 - self.mean) / self.std)
            self.step += 1

    def roll(self, images: Tensor) -> Tensor:
        return images.roll(torch.randint(0, 3, (2,), generator=self.stream).tolist(), (2, 3))
