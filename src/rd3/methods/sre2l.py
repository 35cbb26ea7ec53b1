"""SRe2L: squeeze, recover and relabel.

Paper: Yin, Xing, Shen, Squeeze, Recover and Relabel: Dataset Condensation at ImageNet Scale From A New Perspective,
    NeurIPS 2023, arXiv 2306.13092.
Origin: https://github.com/VILA-Lab/SRe2L
Config: the defaults are ImageNet's; `settings_for` has Tiny-ImageNet's and CIFAR's. Small grey sets are in no paper:
    they get CIFAR's (inferred), with the roll in proportion to the side.
Differences: pixels are rounded to 8 bits, not floored, and saved without loss; `quantise = floor` is the reference's.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from rd3.data.subset import random_subset
from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Method, Task
from rd3.recover.engine import Recovery, Stage, assemble, recover
from rd3.recover.init import Init, given, noise
from rd3.recover.objective import Objective, TeacherLoss, single
from rd3.recover.pixels import Pixels, PixelSpace, Quantise
from rd3.recover.plan import BATCHINGS
from rd3.recover.selection import Selector, usual_factor
from rd3.recover.statistics import BatchNormMatch, require_batch_norm
from rd3.recover.teachers import private_copy
from rd3.recover.view import CropSchedule, View, constant_crop, curriculum_crop
from rd3.squeeze.teacher import Teacher


@METHODS.add("sre2l")
class Sre2l(Method):
    """Images that a teacher classifies as asked, with the teacher's BatchNorm statistics.

    Attributes:
        iterations: Adam steps, betas (.5, .9), cosine to 0.
        lr: base learning rate, in normalised pixels.
        r_bn: coefficient of the BatchNorm term; `k0` weighs its first layer, `var_w` its variance part.
        init: `noise` N(0, 1), `real` random images, or `rded` mosaics.
        batching: `opc` one image a class, `cm` class-major, `1c` one class; `batch_size` is at most.
        crop: `none`, `rrc` of area U(crop_scale, 1), or `cda` with the smallest area falling from 1 to crop_scale until
            the fraction `crop_milestone` of the iterations.
        flip: mirror at random; never done on targets where that changes the class.
        roll: largest cyclic shift in pixels, 0..roll, or −roll..roll if `roll_symmetric`.
        crop_draw: one view for the whole batch, as in the reference code, or one for each sample.
    """

    title: ClassVar[str] = "SRe2L"
    paper: ClassVar[str] = "arXiv 2306.13092"
    aids: ClassVar[tuple[str, ...]] = ("teacher",)

    iterations: int = Field(default=4000, ge=0)
    lr: float = Field(default=0.25, gt=0)
    r_bn: float = Field(default=0.01, ge=0)
    k0: float = Field(default=10.0, ge=0)
    var_w: float = Field(default=1.0, ge=0)
    init: Literal["noise", "real", "rded"] = "noise"
    batching: Literal["opc", "cm", "1c"] = "opc"
    batch_size: int = Field(default=100, ge=1)
    crop: Literal["none", "rrc", "cda"] = "rrc"
    crop_scale: float = Field(default=0.08, gt=0, le=1)
    crop_milestone: float = Field(default=1.0, gt=0, le=1)
    crop_draw: Literal["batch", "sample"] = "batch"
    flip: bool = True
    roll: int = Field(default=32, ge=0)
    roll_symmetric: bool = False
    quantise: Quantise = "round"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        if target.size >= 128:
            return {}
        if target.size > 32:
            return {"lr": 0.1, "r_bn": 1.0, "roll": 4, "roll_symmetric": True}
        return {"iterations": 1000, "crop": "none", "flip": False, "roll": target.size // 8}

    def distill(self, task: Task) -> Distilled:
        assert task.teacher is not None
        require_batch_norm(task.teacher, "sre2l")
        target, classes = task.target, task.target.num_classes
        plan = BATCHINGS[self.batching](task.ipc, classes, self.batch_size)
        recovered = recover(
            plan, self.recovery(task, task.teacher), seed=task.seed, device=task.device, progress=task.progress
        )
        space = PixelSpace(task.teacher.mean, task.teacher.std)
        images = space.decode(assemble(recovered, ipc=task.ipc, classes=classes), quantise=self.quantise)
        labels = torch.arange(classes, device=images.device).repeat_interleave(task.ipc)
        return Distilled(images, labels, info=self._info(target, task.ipc))

    def recovery(self, task: Task, teacher: Teacher) -> Recovery:
        """The components that these settings stand for."""
        space = PixelSpace(teacher.mean, teacher.std)
        return Recovery(
            init=self._init(task, teacher, space),
            objective=self._objective(task, teacher),
            views=self._view(task.target),
            parameters=lambda images: Pixels(images, space),
            stages=(Stage(self.iterations, task.target.size),),
            lr=self.lr,
        )

    def declared_aids(self) -> tuple[str, ...]:
        added = {"noise": (), "real": ("real images",), "rded": ("real patches",)}
        return (*self.aids, *added[self.init])

    def cost(self, target: Target, ipc: int) -> int:
        steps = self.iterations * target.num_classes * ipc
        return steps + self._looks(target, ipc) // 3  # scoring is forward only

    def _objective(self, task: Task, teacher: Teacher) -> Objective:
        model = private_copy(teacher.model, task.device)
        match = BatchNormMatch(model, first_weight=self.k0, variance_weight=self.var_w)
        return single(TeacherLoss(model, matches=[(self.r_bn, match)]))

    def _init(self, task: Task, teacher: Teacher, space: PixelSpace) -> Init:
        target = task.target
        if self.init == "noise":
            return noise(target.train.shape)
        if self.init == "real":
            chosen = random_subset(target, task.ipc, task.seed).to(target.train.labels.device)
            return given(target.train.batch(chosen), ipc=task.ipc, space=space)
        selector = Selector(factor=usual_factor(target.size))
        mosaics = selector.select(target, teacher, ipc=task.ipc, seed=task.seed, device=task.device)
        return given(mosaics, ipc=task.ipc, space=space)

    def _view(self, target: Target) -> View:
        crops: dict[str, CropSchedule | None] = {
            "none": None,
            "rrc": constant_crop(self.crop_scale),
            "cda": curriculum_crop(self.crop_milestone, self.crop_scale),
        }
        return View(
            crop=crops[self.crop],
            flip=self.flip and target.flip_keeps_class,
            roll=self.roll,
            roll_symmetric=self.roll_symmetric,
            per_sample=self.crop_draw == "sample",
        )

    def _looks(self, target: Target, ipc: int) -> int:
        return Selector(factor=usual_factor(target.size)).looks(target, ipc) if self.init == "rded" else 0

    def _info(self, target: Target, ipc: int) -> dict[str, Any]:
        flags = []
        if self.flip and not target.flip_keeps_class:
            flags.append("no flip: it would change the class")
        if self.init != "noise":
            flags.append("init from real images" if self.init == "real" else "init from real patches")
        forwards = self.iterations * target.num_classes * ipc + self._looks(target, ipc)
        return {"teacher_forwards": forwards, "flags": flags}
