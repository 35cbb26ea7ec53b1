"""RandAugment (Cubuk et al., 2020, arXiv 1909.13719) as timm has it and as DELT (arXiv 2411.19946) uses it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment import pillow_affine as affine
from rd3.training.augment import pillow_colours as colours
from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.by_operation import LevelOperation, apply_by_operation
from rd3.training.augment.pixels import integers, uniform

MOST = 10  # the magnitude at which an operation is at the end of its range
Channel = Annotated[int, Field(ge=0, le=255)]
LIKELIHOOD = 0.5  # that a drawn operation is applied


@register
class TimmRandAugment(Augmentation):
    """timm's `rand-m6-n2-mstd1.0`: operations drawn uniformly and with replacement from 15, each applied with odds 1/2.

    Every application has its own magnitude ~ N(magnitude, magnitude_std), clipped to [0, 10], its own sign, and
    bilinear or bicubic interpolation with even odds. A larger magnitude is a stronger rotation, shear, translation
    and addition, but keeps more bits in posterize, solarizes less, and enhances from factor 0.1 to 1.9, as in timm
    without `inc1`. The result is bit for bit timm's on Pillow pictures with the same parameters, but that posterizing
    to 0 bits (magnitudes below 2.5) gives black, which recent versions of Pillow refuse. No operation mirrors an image.
    Not differentiable.

    Attributes:
        operations: how many are drawn for an image.
        magnitude, magnitude_std: mean and standard deviation of the magnitude.
        fill: levels of what comes in, red, green and blue: DELT's; timm's own default is 128 each.
    """

    kind: ClassVar[str] = "timm-rand-augment"
    waits_for_host: ClassVar[bool] = True
    on_levels: ClassVar[bool] = True
    operations: int = Field(default=2, ge=1)
    magnitude: float = Field(default=6.0, ge=0, le=MOST)
    magnitude_std: float = Field(default=1.0, ge=0)
    fill: tuple[Channel, Channel, Channel] = (124, 116, 104)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        """`op` indexes OPERATIONS, −1 where none is applied; all (count, operations)."""
        shape = (count, self.operations)
        op, applied, negative, bicubic = uniform((4, *shape), generator)
        noise = torch.randn(shape, generator=generator, device=generator.device)
        return {
            "op": torch.where(applied < LIKELIHOOD, integers(op, len(OPERATIONS)), -1),
            "magnitude": (self.magnitude + self.magnitude_std * noise).clamp(0, MOST),
            "negative": negative < 0.5,
            "bicubic": bicubic < 0.5,
        }

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        levels = colours.to_levels(images)
        fill = self._fill(levels)
        for step in range(self.operations):
            own = {key: values[:, step].expand(len(images)) for key, values in draw.items()}
            own["share"] = own["magnitude"].double() / MOST
            own["signed"] = torch.where(own["negative"], -own["share"], own["share"])
            own["fill"] = fill.expand(len(images), -1)
            levels = apply_by_operation(levels, own["op"], own, list(OPERATIONS.values()))
        return colours.to_unit(levels)

    def _fill(self, levels: Tensor) -> Tensor:
        """(C,) levels; grey images take the colour's luma."""
        colour = torch.tensor(self.fill, dtype=torch.uint8, device=levels.device).view(1, 3, 1, 1)
        return (colours.grey(colour).to(torch.uint8) if levels.shape[1] == 1 else colour).flatten()


def _moved(to_maps: Callable[[Tensor, int], Tensor]) -> LevelOperation:
    """An affine map of the signed share of the range and the image's side."""

    def apply(levels: Tensor, own: Draw) -> Tensor:
        maps, fill = to_maps(own["signed"], levels.shape[-1]), own["fill"]
        smooth, sharp = affine.bilinear(levels, maps, fill), affine.bicubic(levels, maps, fill)
        return torch.where(own["bicubic"].view(-1, 1, 1, 1), sharp, smooth)

    return apply


def _enhanced(enhance: Callable[[Tensor, Tensor], Tensor]) -> LevelOperation:
    return lambda levels, own: enhance(levels, own["share"] * 1.8 + 0.1)


def _up_to(last: int, change: Callable[[Tensor, Tensor], Tensor]) -> LevelOperation:
    """An operation whose argument is a whole number from 0 to `last`."""
    return lambda levels, own: change(levels, (own["share"] * last).to(torch.int64))


OPERATIONS: dict[str, LevelOperation] = {
    "autocontrast": lambda levels, _: colours.autocontrast(levels),
    "equalize": lambda levels, _: colours.equalize(levels),
    "invert": lambda levels, _: colours.invert(levels),
    "rotate": _moved(lambda share, size: affine.rotation(share * 30, size)),
    "posterize": _up_to(4, colours.posterize),
    "solarize": _up_to(256, colours.solarize),
    "solarize-add": _up_to(110, colours.solarize_add),
    "colour": _enhanced(colours.colour),
    "contrast": _enhanced(colours.contrast),
    "brightness": _enhanced(colours.brightness),
    "sharpness": _enhanced(colours.sharpness),
    "shear-x": _moved(lambda share, _: affine.shear_x(share * 0.3)),
    "shear-y": _moved(lambda share, _: affine.shear_y(share * 0.3)),
    "translate-x": _moved(lambda share, size: affine.shift_x(share * 0.45 * size)),
    "translate-y": _moved(lambda share, size: affine.shift_y(share * 0.45 * size)),
}
