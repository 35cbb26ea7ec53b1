"""FADRM: the start comes back as a residual between stages.

Paper: Cui et al., FADRM: Fast and Accurate Data Residual Matching for Dataset Distillation, NeurIPS 2025,
    arXiv 2506.24125.
Origin: https://github.com/Jiacheng8/FADRM
Config: SRe2L++ in four stages of 500 iterations, at 200 and 224 px in turn on large images; half of every later stage's
    start is the real patch. With one teacher two stages on Tiny-ImageNet, and smaller rates there and on ImageNette.
Differences: patches as in SRe2L++; full precision (the reference: mixed; `precision = fp16` on a GPU).
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import Count, Fraction, InitName


@METHODS.add("fadrm")
class Fadrm(Decoupled):
    """SRe2L++ in stages with a residual."""

    title: ClassVar[str] = "FADRM"
    paper: ClassVar[str] = "arXiv 2506.24125"

    iterations: Count = 2000
    init: InitName = "rded-medium"
    residual: Fraction = 0.5

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        settings: dict[str, Any] = {"roll": usual_roll(target), "stage_sizes": stage_sizes(target.size)}
        if family(target) == "tiny":
            settings |= {"iterations": 1000, "stage_sizes": stage_sizes(target.size)[:2], "lr": 0.01}
        if target.name == "imagenette":
            settings |= {"lr": 0.05}
        return settings


def stage_sizes(size: int) -> tuple[int, ...]:
    """Four stages: at 200/224 of the side and the side in turn from 128 px on, else at the side.

    >>> stage_sizes(224), stage_sizes(32)
    ((200, 224, 200, 224), (32, 32, 32, 32))
    """
    small = round(size * 200 / 224) if size >= 128 else size
    return (small, size, small, size)
