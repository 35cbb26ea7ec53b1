"""DM: distribution matching, which moves images until random networks embed classes alike.

Paper: Zhao, Bilen, Dataset Condensation with Distribution Matching, WACV 2023, arXiv 2110.04181; algorithm 1.
Origin: https://github.com/VICO-UoE/DatasetCondensation
Config: the paper's. 20,000 iterations with a fresh random ConvNet each, 256 real images a class, SGD on the images.
Differences: the Siamese augmentation draws from a generator of its own; the result is rounded to uint8
    (`quantise=none` keeps the floats that the paper evaluates).
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from rd3.data.target import Target
from rd3.matching.distribution import match_distributions
from rd3.matching.summed import Objective
from rd3.methods.base import METHODS
from rd3.methods.matched_starts import MatchedSums


@METHODS.add("dm")
class DM(MatchedSums):
    """Distribution matching. The learned images are clamped to [0, 255] and rounded to uint8 at the end only.

    Attributes:
        iterations: image updates, each with a fresh random network.
        image_lr: step size of SGD (momentum 0.5) on the normalised images; the paper raises it to 10 from IPC 100 on.
        init, augment: as in `MatchedImages`.
    """

    title: ClassVar[str] = "DM"
    paper: ClassVar[str] = "Dataset Condensation with Distribution Matching, WACV 2023, arXiv 2110.04181"
    later: ClassVar[frozenset[str]] = frozenset({"quantise"})

    iterations: int = Field(default=20_000, ge=1)
    real_batch: int = Field(default=256, ge=1)
    image_lr: float = Field(default=1.0, gt=0)
    quantise: Literal["none", "uint8"] = "uint8"

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        return {"image_lr": 10.0} if ipc >= 100 else {}

    @property
    def objective(self) -> Objective:
        return match_distributions
