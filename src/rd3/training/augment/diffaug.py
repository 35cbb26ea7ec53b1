"""IDC's DiffAug (Kim et al., ICML 2022, arXiv 2205.14959): the operations of DSA under another policy.

Origin: https://github.com/snu-mllab/Efficient-Dataset-Condensation; NCFM (arXiv 2502.20653) has the same.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from rd3.training.augment.base import Draw, register
from rd3.training.augment.dsa import DSA, OPERATIONS

ALWAYS = ("flip", "color", "cutout")


@register
class DiffAug(DSA):
    """Flip and colour always, then one of crop, scale and rotate, then cutout always; each if the strategy has it.

    The settings are those of `dsa`. IDC's evaluation has no cutout where CutMix is on; its matching has
    `color_crop_cutout` with one draw for the whole batch.
    """

    kind: ClassVar[str] = "diffaug"

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(name for name in self.operations if name not in ALWAYS)

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        for name in ("flip", "color"):
            images = self._if_named(name, images, draw)
        if self.choices:
            images = super().transform(images, draw)
        return self._if_named("cutout", images, draw)

    def _if_named(self, name: str, images: Tensor, draw: Draw) -> Tensor:
        return OPERATIONS[name](self, images, draw) if name in self.operations else images
