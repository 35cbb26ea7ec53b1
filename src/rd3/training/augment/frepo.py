"""FRePo's augmentation of learned images (Zhou et al., NeurIPS 2022, arXiv 2206.00719): DSA's idea, other operations.

Origin: https://github.com/yongchao97/FRePo, lib/dataset/augmax. Operations that move pixels sample bilinearly; what
comes from outside is 0, the mean colour.
"""

from __future__ import annotations

import math
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from torch import Tensor

from rd3.base.errors import unknown
from rd3.training.augment import dsa_operations as operations
from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.flip import flip_where
from rd3.training.augment.pixels import integers, uniform

ALL = "flip_color_crop_rotate_translate_cutout"
DRAWN = (
    *("flip", "brightness", "contrast", "saturation", "zoom", "crop_row", "crop_column"),
    *("angle", "down", "right", "hole_row", "hole_column"),
)


@register
class FRePoAugmentation(Augmentation):
    """One operation a batch, drawn uniformly from the strategy, with parameters per image.

    Attributes:
        strategy: operation names joined by `_`; without `flip` for digits, as in the code.
        flip: probability of `flip`.
        color: strength c of `color`: brightness x + U(−c, c), then contrast, then saturation, each by a factor that is
            log-uniform between e^−c and e^c.
        zoom: `crop` enlarges by a factor that is log-uniform between 1/zoom and zoom, and shifts the image by up to
            what that leaves outside (or empty).
        rotate: largest angle of `rotate`, in degrees.
        translate: largest shift of `translate` along each axis, as a fraction of the side; not of whole pixels.
        cutout: side of the square that `cutout` empties, as a fraction of the image's; it lies inside.
    """

    kind: ClassVar[str] = "frepo"
    on_normalised: ClassVar[bool] = True

    strategy: str = ALL
    flip: float = Field(default=0.5, ge=0, le=1)
    color: float = Field(default=0.25, ge=0)
    zoom: float = Field(default=1.25, ge=1)
    rotate: float = Field(default=15.0, ge=0, le=180)
    translate: float = Field(default=0.125, ge=0, le=1)
    cutout: float = Field(default=0.25, ge=0, le=1)

    @field_validator("strategy")
    @classmethod
    def _known(cls, strategy: str) -> str:
        for name in strategy.split("_"):
            if name not in ALL.split("_"):
                raise unknown("FRePo operation", name, ALL.split("_"))
        return strategy

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(self.strategy.split("_"))

    def without_flip(self) -> Self | None:
        kept = [name for name in self.operations if name != "flip"]
        return self.model_copy(update={"strategy": "_".join(kept)}) if kept else None

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:
        """`op` indexes `operations`; the rest are the parameters of every operation, used or not."""
        op = integers(uniform((1,), generator), len(self.operations))
        u = dict(zip(DRAWN, uniform((len(DRAWN), count), generator), strict=True))
        sign = {name: 2 * values - 1 for name, values in u.items()}
        zoom = (sign["zoom"] * math.log(self.zoom)).exp()
        return {
            "op": op,
            "flip": u["flip"] < self.flip,
            "brightness": sign["brightness"] * self.color,
            "contrast": (sign["contrast"] * self.color).exp(),
            "saturation": (sign["saturation"] * self.color).exp(),
            "zoom": zoom,
            "crop_row": sign["crop_row"] * (zoom - 1).abs(),
            "crop_column": sign["crop_column"] * (zoom - 1).abs(),
            "angle": sign["angle"] * math.radians(self.rotate),
            "down": sign["down"] * 2 * self.translate,
            "right": sign["right"] * 2 * self.translate,
            "hole_row": integers(u["hole_row"], size - self._hole(size) + 1),
            "hole_column": integers(u["hole_column"], size - self._hole(size) + 1),
        }

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        op = draw["op"]
        if op.device.type == "cpu":
            return self._one(self.operations[int(op)], images, draw)
        # Elsewhere it is cheaper to do all of them than to make the host wait for the one that was drawn.
        result = images
        for index, name in enumerate(self.operations):
            result = torch.where(op == index, self._one(name, images, draw), result)
        return result

    def _one(self, name: str, images: Tensor, draw: Draw) -> Tensor:
        if name == "flip":
            return flip_where(images, draw["flip"])
        if name == "color":
            images = operations.contrast(operations.brighten(images, draw["brightness"]), draw["contrast"])
            return operations.saturate(images, draw["saturation"])
        if name == "crop":
            return moved(images, 1 / draw["zoom"], draw["crop_row"] / draw["zoom"], draw["crop_column"] / draw["zoom"])
        if name == "rotate":
            return operations.rotate(images, draw["angle"])
        if name == "translate":
            return moved(images, torch.ones_like(draw["down"]), -draw["down"], -draw["right"])
        return self._cut_out(images, draw)

    def _hole(self, size: int) -> int:
        return int(self.cutout * size)

    def _cut_out(self, images: Tensor, draw: Draw) -> Tensor:
        side = self._hole(images.shape[-1])
        return operations.cut_out(images, draw["hole_row"] + side // 2, draw["hole_column"] + side // 2, side)


def moved(images: Tensor, scale: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Sample at `scale` times the place and `down` and `right` of that, bilinearly.

    Args:
        images: float (B, C, S, S).
        scale: (B,), below 1 enlarges.
        down, right: (B,), in halves of the side.
    """
    zero = torch.zeros_like(scale)
    rows = (torch.stack((scale, zero, right), dim=1), torch.stack((zero, scale, down), dim=1))
    theta = torch.stack(rows, dim=1).to(images.dtype)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
