"""TESLA: trajectory matching in the memory of one step of the student.

Paper: Cui, Wang, Si, Hsieh, Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory, ICML 2023, arXiv
    2211.10586.
Origin: https://github.com/justincui03/tesla
Config: the released commands where they are known (CIFAR-10 at IPC 1, CIFAR-100 at IPC 50, ImageNet-1K); elsewhere
    MTT's with TESLA's iterations (inferred).
Differences: `gradient=exact` is that of MTT, whatever the number of steps. The release's (`released`) holds each step's
    parameters constant and so leaves out how they depend on the images of earlier steps: it is MTT's for one step only.
    Labels are hard: those that an expert gives anew in every iteration are not there. Last iteration, not the best on
    the test split.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.trajectory_matching import Gradient
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import column, listed_ipc
from rd3.methods.mtt import MTT

IMAGENET_1K = {"steps": 10, "target_epochs": 3, "latest_start": 10, "image_lr": 1e4, "batch": 100}


@METHODS.add("tesla")
class TESLA(MTT):
    """MTT with `gradient=exact`; the fields are MTT's."""

    title: ClassVar[str] = "TESLA"
    paper: ClassVar[str] = (
        "Scaling Up Dataset Distillation to ImageNet-1K with Constant Memory, ICML 2023, arXiv 2211.10586"
    )

    iterations: int = Field(default=10_000, ge=1)
    gradient: Gradient = "exact"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:
        usual = super().settings_for(target, ipc)
        if column(target) == "cifar10" and listed_ipc(ipc) == 1:
            return usual | {"latest_start": 5, "image_lr": 1000.0}
        return usual | IMAGENET_1K if target.num_classes >= 1000 else usual
