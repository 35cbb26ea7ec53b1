"""EDF: DATM that looks at what tells classes apart: in the parameters that are matched, and in the images.

Paper: Wang, Yang, Li, Zhao, Wang, Zhao, Zhang, You, Emphasizing Discriminative Features for Dataset Distillation in
    Complex Scenarios, CVPR 2025, arXiv 2410.17193.
Origin: https://github.com/NUS-HPC-AI-Lab/EDF
Config: the released configurations for ImageNette, at every size (inferred below 128 px).
Differences: DATM's; Grad-CAM, as the paper says, of the teacher that is given, where the code takes SmoothGrad-CAM++ of
    a ResNet-18 pretrained on ImageNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.data.target import Target
from rd3.matching.discriminative import DiscriminativeEmphasis, activation_maps, dropout_distance
from rd3.matching.learned_set import LearnedSet
from rd3.matching.trajectory_matching import TrajectoryMatching
from rd3.methods.base import METHODS, Distilled, Task
from rd3.methods.benchmarks import listed_ipc
from rd3.methods.datm import DATM
from rd3.methods.trajectory import Workshop
from rd3.methods.trajectory_memory import maps_bytes, trajectory_bytes
from rd3.models.footprint import bound
from rd3.recover.looking import stand_in

ROWS: dict[int, dict[str, Any]] = {
    1: {
        **{"steps": 40, "first_latest_start": 5, "latest_start": 10, "expansion": 1000, "batch": 1000},
        **{"image_lr": 1e4, "label_lr": 2.0, "dropped": 0.0, "cam_every": 50},
    },
    10: {
        **{"steps": 40, "first_latest_start": 10, "latest_start": 20, "expansion": 1000, "batch": 200},
        **{"image_lr": 1000.0, "label_lr": 2.0, "dropped": 0.25, "cam_every": 100},
    },
    50: {
        **{"steps": 80, "first_latest_start": 20, "latest_start": 40, "expansion": 2000, "batch": 128},
        **{"image_lr": 1000.0, "label_lr": 5.0, "dropped": 0.375, "cam_every": 200},
    },
}


@METHODS.add("edf")
class EDF(DATM):
    """DATM with common-pattern dropout and discriminative area enhancement.

    Attributes:
        dropped: share of the parameters, those with the smallest errors, that do not count in the distance.
        cam_every: iterations after which the teacher's activation maps are made anew; pixels where a map reaches its
            mean move by 1 + map times their gradient.
    """

    title: ClassVar[str] = "EDF"
    paper: ClassVar[str] = (
        "Emphasizing Discriminative Features for Dataset Distillation in Complex Scenarios, CVPR 2025, arXiv 2410.17193"
    )
    needs_teacher: ClassVar[bool] = True
    aids: ClassVar[tuple[str, ...]] = ("teacher", "real images")

    zca: bool = False
    threshold: float = Field(default=1.5, gt=0)
    dropped: float = Field(default=0.25, ge=0, lt=1)
    cam_every: int = Field(default=100, ge=1)

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return ROWS[listed_ipc(ipc)]

    def algorithm(self, workshop: Workshop, learned: LearnedSet) -> TrajectoryMatching:
        teacher = workshop.task.teacher
        assert teacher is not None, "needs_teacher"

        def maps(images: Tensor, classes: Tensor) -> Tensor:
            return activation_maps(teacher.model, teacher.normalise(workshop.inputs.to_raw(images)), classes)

        return TrajectoryMatching(
            learned,
            workshop.experts,
            workshop.student,
            self.plan(workshop),
            generator=workshop.generator,
            distance=partial(dropout_distance, dropped=self.dropped),
            emphasis=DiscriminativeEmphasis(maps, every=self.cam_every, like=learned.images.detach()),
        )

    def distill(self, task: Task) -> Distilled:
        made = super().distill(task)
        return replace(made, info={**made.info, "teacher_forwards": self._renewals * len(made.images)})

    @property
    def _renewals(self) -> int:
        """Of the maps: in the first iteration, and in every one whose number `cam_every` divides."""
        return -(-self.iterations // self.cam_every)

    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        maps = maps_bytes(stand_in(teachers[0], target).model, target, ipc)
        return bound(trajectory_bytes(self, target, ipc, device, beside=maps), device)

    def cost(self, target: Target, ipc: int) -> int:
        return super().cost(target, ipc) + self._renewals * target.num_classes * ipc
