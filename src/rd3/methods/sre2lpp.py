"""SRe2L++: SRe2L from real patches, the baseline of CV-DD.

Paper: Cui et al., Dataset Distillation via Committee Voting, 2025, arXiv 2501.07575.
Origin: https://github.com/Jiacheng8/CV-DD
Config: one for all data sets; only the roll depends on the size.
Differences: the reference draws each start from a folder of prepared patches of medium difficulty; here the selector
    takes those around the median. Full precision (the reference: mixed; `precision = fp16` on a GPU),
    PNG (the reference: JPEG).
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import InitName


@METHODS.add("sre2l++")
class Sre2lPlusPlus(Decoupled):
    """SRe2L from mosaics of medium difficulty, with crops and flips at every size."""

    title: ClassVar[str] = "SRe2L++"
    paper: ClassVar[str] = "arXiv 2501.07575"

    init: InitName = "rded-medium"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"roll": usual_roll(target)}
