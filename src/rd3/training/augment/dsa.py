"""Differentiable Siamese augmentation (Zhao and Bilen, ICML 2021, arXiv 2102.08259)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar, Self

import torch
from pydantic import Field, field_validator
from torch import Tensor

from rd3.base.errors import unknown
from rd3.training.augment import dsa_operations as operations
from rd3.training.augment.base import Augmentation, Draw, register
from rd3.training.augment.flip import flip_where
from rd3.training.augment.pixels import crop_padded, integers, uniform

ALL = "color_crop_cutout_flip_scale_rotate"


@register
class DSA(Augmentation):
    """One operation, drawn uniformly from the strategy, with parameters per image; differentiable in the images.

    Images are squares, on which resampling is the same with `align_corners` (as DC's torch 1.2, MTT and DD-Ranking
    have it) and without (as the same code has it on later versions of torch).

    Attributes:
        strategy: operation names joined by `_`; without `flip` for digits, as in DC.
        brightness, saturation, contrast: strengths of `color`: x + (u − 1/2)·brightness, then saturation by
            u·saturation, then contrast by u + contrast, each with its own u ~ U(0, 1).
        crop: largest shift of `crop`, as a fraction of the side.
        cutout: side of the square that `cutout` empties, as a fraction of the image's.
        flip: probability of `flip`.
        scale: `scale` stretches each axis by its own factor ~ U(1/scale, scale).
        rotate: largest angle of `rotate`, in degrees.
        per_batch_op: one operation for the whole batch, as published; else one per image.
        siamese: all images share one draw, which may then be applied to batches of any length.
    """

    kind: ClassVar[str] = "dsa"
    on_normalised: ClassVar[bool] = True

    strategy: str = ALL
    brightness: float = Field(default=1.0, ge=0)
    saturation: float = Field(default=2.0, ge=0)
    contrast: float = Field(default=0.5, ge=0)
    crop: float = Field(default=0.125, ge=0, le=1)
    cutout: float = Field(default=0.5, ge=0, le=1)
    flip: float = Field(default=0.5, ge=0, le=1)
    scale: float = Field(default=1.2, ge=1)
    rotate: float = Field(default=15.0, ge=0, le=180)
    per_batch_op: bool = True
    siamese: bool = False

    @field_validator("strategy")
    @classmethod
    def _known(cls, strategy: str) -> str:
        for name in strategy.split("_"):
            if name not in OPERATIONS:
                raise unknown("DSA operation", name, OPERATIONS)
        return strategy

    @property
    def operations(self) -> tuple[str, ...]:
        return tuple(self.strategy.split("_"))

    @property
    def choices(self) -> tuple[str, ...]:
        """What `op` is drawn from."""
        return self.operations

    def without_flip(self) -> Self | None:
        kept = [name for name in self.operations if name != "flip"]
        return self.model_copy(update={"strategy": "_".join(kept)}) if kept else None

    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:
        """`op` indexes `choices`; the rest are the parameters of every operation, used or not."""
        rows = 1 if self.siamese else count
        op = uniform((1 if self.per_batch_op else rows,), generator)
        u = dict(zip(PARAMETERS, uniform((len(PARAMETERS), rows), generator), strict=True))
        shift, side = _pixels(self.crop, size), _pixels(self.cutout, size)
        low = 1 / self.scale
        return {
            "op": integers(op, max(1, len(self.choices))),
            "brightness": (u["brightness"] - 0.5) * self.brightness,
            "saturation": u["saturation"] * self.saturation,
            "contrast": u["contrast"] + self.contrast,
            "top": integers(u["top"], 2 * shift + 1),
            "left": integers(u["left"], 2 * shift + 1),
            # A square of even side is centred between pixels, and there is one more such place than pixels.
            "row": integers(u["row"], size + 1 - side % 2),
            "column": integers(u["column"], size + 1 - side % 2),
            "flip": u["flip"] < self.flip,
            "width": low + u["width"] * (self.scale - low),
            "height": low + u["height"] * (self.scale - low),
            "angle": (2 * u["angle"] - 1) * math.radians(self.rotate),
        }

    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        op = draw["op"]
        if op.numel() == 1 and op.device.type == "cpu":
            return OPERATIONS[self.choices[int(op)]](self, images, draw)
        # Elsewhere it is cheaper to do all of them than to make the host wait for the one that was drawn.
        result = images
        for index, name in enumerate(self.choices):
            result = torch.where(op.view(-1, 1, 1, 1) == index, OPERATIONS[name](self, images, draw), result)
        return result


PARAMETERS = (
    *("brightness", "saturation", "contrast", "top", "left", "row", "column"),
    *("flip", "width", "height", "angle"),
)


def _pixels(fraction: float, size: int) -> int:
    return int(fraction * size + 0.5)


def _color(_: DSA, images: Tensor, draw: Draw) -> Tensor:
    images = operations.brighten(images, draw["brightness"])
    images = operations.saturate(images, draw["saturation"])
    return operations.contrast(images, draw["contrast"])


def _crop(settings: DSA, images: Tensor, draw: Draw) -> Tensor:
    return crop_padded(images, draw["top"], draw["left"], _pixels(settings.crop, images.shape[-1]))


def _cutout(settings: DSA, images: Tensor, draw: Draw) -> Tensor:
    return operations.cut_out(images, draw["row"], draw["column"], _pixels(settings.cutout, images.shape[-1]))


def _flip(_: DSA, images: Tensor, draw: Draw) -> Tensor:
    return flip_where(images, draw["flip"])


def _scale(_: DSA, images: Tensor, draw: Draw) -> Tensor:
    return operations.stretch(images, draw["width"], draw["height"])


def _rotate(_: DSA, images: Tensor, draw: Draw) -> Tensor:
    return operations.rotate(images, draw["angle"])


OPERATIONS: dict[str, Callable[[DSA, Tensor, Draw], Tensor]] = {
    "color": _color,
    "crop": _crop,
    "cutout": _cutout,
    "flip": _flip,
    "scale": _scale,
    "rotate": _rotate,
}
