"""RandAugment (Cubuk et al., 2020, arXiv 1909.13719) as torchvision has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from rd3.training.augment import pillow_affine as affine
from rd3.training.augment import pillow_colours as colours
from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.by_operation import LevelOperation, apply_by_operation
from rd3.training.augment.pixels import integers, uniform

BINS = 31


@register
class RandAugment(Augmentation):
    """Each image goes through operations of its own, drawn uniformly and with replacement from torchvision's 14.

    The result is bit for bit that of `torchvision.transforms.RandAugment` on Pillow pictures: the image is rounded to
    256 levels first, geometry takes the nearest pixel, what comes in is black, and an operation that has a sign has
    either with even odds. No operation mirrors an image. Not differentiable.

    Attributes:
        operations: how many are applied one after the other.
        magnitude: of all of them, one of 31 steps from none to the most.
    """

    kind: ClassVar[str] = "rand-augment"
    waits_for_host: ClassVar[bool] = True
    on_levels: ClassVar[bool] = True
    operations: int = Field(default=2, ge=1)
    magnitude: int = Field(default=9, ge=0, lt=BINS)

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:  # noqa: ARG002
        """`op` indexes OPERATIONS, `negative` is the sign; both (count, operations)."""
        values = uniform((2, count, self.operations), generator)
        return {"op": integers(values[0], len(OPERATIONS)), "negative": values[1] < 0.5}

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        chosen, negative = (draw[key].expand(len(images), -1) for key in ("op", "negative"))
        positive = torch.tensor(self.amounts(images.shape[-1]), dtype=torch.float64, device=images.device)[chosen]
        signed = torch.tensor([operation.signed for operation in OPERATIONS.values()], device=images.device)[chosen]
        amounts = torch.where(negative & signed, -positive, positive)
        levels = colours.to_levels(images)
        for step in range(self.operations):
            levels = apply_by_operation(levels, chosen[:, step], {"amount": amounts[:, step]}, FUNCTIONS)
        return colours.to_unit(levels)

    def amounts(self, size: int) -> list[float]:
        """The parameter of every operation before its sign, for images of `size` pixels."""
        return [self._amount(name, size) for name in OPERATIONS]

    def _amount(self, name: str, size: int) -> float:
        first, last = OPERATIONS[name].first, OPERATIONS[name].last
        if name.startswith("translate"):
            last *= size
        return torch.linspace(first, last, BINS)[self.magnitude].item()


class Operation(NamedTuple):
    """What is done to uint8 images with their `amount` (M,), and the amount at the least and the most magnitude."""

    apply: LevelOperation
    first: float = 0.0
    last: float = 0.0
    signed: bool = False


def _shear(to_maps: Callable[[Tensor], Tensor]) -> Operation:
    return Operation(lambda levels, own: _nearest(levels, to_maps(own["amount"])), last=0.3, signed=True)


def _translation(to_maps: Callable[[Tensor], Tensor]) -> Operation:
    """By whole pixels; the amount is a fraction of the side in this table, and in pixels when it is applied."""
    return Operation(lambda levels, own: _nearest(levels, to_maps(-own["amount"].trunc())), last=150 / 331, signed=True)


def _enhancement(enhance: Callable[[Tensor, Tensor], Tensor]) -> Operation:
    return Operation(lambda levels, own: enhance(levels, 1 + own["amount"]), last=0.9, signed=True)


def _rotate(levels: Tensor, own: Draw) -> Tensor:
    return _nearest(levels, affine.rotation(own["amount"], levels.shape[-1]))


def _posterize(levels: Tensor, own: Draw) -> Tensor:
    return colours.posterize(levels, own["amount"].round().to(torch.int64))


def _nearest(levels: Tensor, maps: Tensor) -> Tensor:
    return affine.nearest(levels, maps, levels.new_zeros(levels.shape[1]))


OPERATIONS = {
    "identity": Operation(lambda levels, _: levels),
    "shear-x": _shear(affine.shear_x),
    "shear-y": _shear(affine.shear_y),
    "translate-x": _translation(affine.shift_x),
    "translate-y": _translation(affine.shift_y),
    "rotate": Operation(_rotate, last=30.0, signed=True),
    "brightness": _enhancement(colours.brightness),
    "colour": _enhancement(colours.colour),
    "contrast": _enhancement(colours.contrast),
    "sharpness": _enhancement(colours.sharpness),
    "posterize": Operation(_posterize, first=8.0, last=4.0),
    "solarize": Operation(lambda levels, own: colours.solarize(levels, own["amount"]), first=255.0),
    "autocontrast": Operation(lambda levels, _: colours.autocontrast(levels)),
    "equalize": Operation(lambda levels, _: colours.equalize(levels)),
}
FUNCTIONS = [operation.apply for operation in OPERATIONS.values()]
