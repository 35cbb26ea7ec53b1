"""RDED: realistic, diverse and efficient distillation by selecting crops.

Paper: Sun, Shi, Yu, Lin, On the Diversity and Realism of Distilled Dataset: An Efficient Dataset Distillation Paradigm,
    CVPR 2024, arXiv 2312.03526.
Origin: https://github.com/LINs-lab/RDED
Config: the paper's. 300 images a class, 5 crops each of 8-100 % of the area, 2 x 2 patches an image from 128 px on.
Differences: crops are cut from the target's images (there is no larger native resolution behind them) and scored with
    the teacher's own normalisation (the reference uses ImageNet's for every data set).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field

from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Method, Task
from rd3.models.footprint import bound
from rd3.recover.memory import selection_bytes
from rd3.recover.selection import Selector, usual_factor


@METHODS.add("rded")
class Rded(Method):
    """Mosaics of the crops that the teacher classifies best; see `rd3.recover.selection`.

    Attributes:
        factor: a mosaic has factor x factor patches.
        images_per_class: random images that are looked at; more if the mosaics need more.
        crops_per_image: of which the best counts.
        crop_scale: smallest area fraction of a crop; the largest is 1.
    """

    title: ClassVar[str] = "RDED"
    paper: ClassVar[str] = "arXiv 2312.03526"
    aids: ClassVar[tuple[str, ...]] = ("teacher", "real patches")

    factor: int = Field(default=2, ge=1)
    images_per_class: int = Field(default=300, ge=1)
    crops_per_image: int = Field(default=5, ge=1)
    crop_scale: float = Field(default=0.08, gt=0, le=1)

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"factor": usual_factor(target.size)}

    def selector(self) -> Selector:
        return Selector(
            factor=self.factor,
            images_per_class=self.images_per_class,
            crops_per_image=self.crops_per_image,
            scale=(self.crop_scale, 1.0),
        )

    def distill(self, task: Task) -> Distilled:
        assert task.teacher is not None
        selector = self.selector()
        images = selector.select(
            task.target,
            task.teacher,
            ipc=task.ipc,
            seed=task.seed,
            device=task.device,
            keep=task.keep,
            progress=task.progress,
        )
        info = {"teacher_forwards": selector.looks(task.target, task.ipc)}
        labels = torch.arange(task.target.num_classes, device=images.device).repeat_interleave(task.ipc)
        return Distilled(images, labels, info=info)

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        return bound(selection_bytes(self.selector(), target, ipc, teachers[0], device), device)

    def cost(self, target: Target, ipc: int) -> int:
        return self.selector().looks(target, ipc) // 3  # forward only
