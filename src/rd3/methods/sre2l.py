"""SRe2L: squeeze, recover and relabel.

Paper: Yin, Xing, Shen, Squeeze, Recover and Relabel: Dataset Condensation at ImageNet Scale From A New Perspective,
    NeurIPS 2023, arXiv 2306.13092.
Origin: https://github.com/VILA-Lab/SRe2L
Config: the defaults are ImageNet's; `settings_for` has Tiny-ImageNet's and CIFAR's. Small grey sets are in no paper:
    they get CIFAR's (inferred), with the roll in proportion to the side.
Differences: pixels are rounded to 8 bits, not floored, and saved without loss; `quantise = floor` and `save = jpeg` are
    the reference's.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rd3.data.target import Target
from rd3.methods.base import METHODS
from rd3.methods.benchmarks import family, usual_roll
from rd3.methods.decoupled import Decoupled
from rd3.recover.switches import Switches

FIRST = {
    *("iterations", "lr", "r_bn", "k0", "var_w", "init", "batching", "batch_size", "crop", "crop_scale"),
    *("crop_milestone", "crop_draw", "flip", "roll", "roll_symmetric", "quantise"),
}
"""The switches there were at first; sets made then keep their fingerprints."""


@METHODS.add("sre2l")
class Sre2l(Decoupled):
    """Noise that a teacher comes to classify as asked, with the teacher's BatchNorm statistics."""

    title: ClassVar[str] = "SRe2L"
    paper: ClassVar[str] = "arXiv 2306.13092"
    later: ClassVar[frozenset[str]] = frozenset(Switches.model_fields) - FIRST

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        roll = usual_roll(target)
        if family(target) == "tiny":
            return {"lr": 0.1, "r_bn": 1.0, "roll": roll, "roll_symmetric": True}
        if family(target) == "cifar":
            return {"iterations": 1000, "crop": "none", "flip": False, "roll": roll}
        return {}
