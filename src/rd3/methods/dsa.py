"""DSA: gradient matching in which real and learned images go through the same augmentation.

Paper: Zhao, Bilen, Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021, arXiv 2102.08259.
Origin: https://github.com/VICO-UoE/DatasetCondensation
Config: DC's, from real images.
Differences: DC's; the augmentation draws from a generator of its own.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from rd3.methods.base import METHODS
from rd3.methods.dc import DC


@METHODS.add("dsa")
class DSAMethod(DC):
    """DC with `augment=dsa` and `init=real`; the fields are DC's."""

    title: ClassVar[str] = "DSA"
    paper: ClassVar[str] = "Dataset Condensation with Differentiable Siamese Augmentation, ICML 2021, arXiv 2102.08259"

    init: Literal["real", "noise"] = "real"
    augment: Literal["dsa", "none"] = "dsa"
