"""What the teacher sees of the images in one iteration: a crop, then a flip, then a roll."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from rd3.training.augment.flip import flip_where
from rd3.training.augment.padded_crop import PaddedCrop
from rd3.training.augment.pixels import uniform
from rd3.training.augment.random_resized_crop import RandomResizedCrop

Transform = Callable[[Tensor], Tensor]
CropSchedule = Callable[[float], float]  # done fraction in [0, 1) -> smallest area fraction of a crop


@dataclass(frozen=True, kw_only=True)
class View:
    """Random views, drawn on the CPU so that they are the same for every device and need no synchronisation.

    Attributes:
        crop: smallest area of a random resized crop, by progress; None for no crop. The largest is the whole image
            and the aspect ratio 3/4 to 4/3.
        padding: pixels of mean colour put around the image before a crop of its own size is cut out; 0 for none.
        flip: mirror left to right with probability 1/2.
        roll: shift by dx, dy ~ U{0, …, roll} pixels, cyclically.
        roll_symmetric: shift by U{−roll, …, roll} instead (SRe2L and LPLD on Tiny-ImageNet).
        per_sample: one draw for each image; the reference code has one for the whole batch.
    """

    crop: CropSchedule | None = None
    padding: int = 0
    flip: bool = False
    roll: int = 0
    roll_symmetric: bool = False
    per_sample: bool = False

    def draw(self, count: int, size: int, progress: float, generator: torch.Generator) -> Transform:
        """A differentiable transform of `count` images of `size` x `size` pixels, the same at every call."""
        draws = count if self.per_sample else 1
        steps: list[Transform] = []
        if self.crop is not None:
            steps.append(_crop(RandomResizedCrop(scale=(self.crop(progress), 1.0)), draws, size, generator))
        if self.padding:
            steps.append(_crop(PaddedCrop(padding=self.padding), draws, size, generator))
        if self.flip:
            steps.append(_flip(draws, generator))
        if self.roll:
            smallest = -self.roll if self.roll_symmetric else 0
            steps.append(_roll(torch.randint(smallest, self.roll + 1, (2, draws), generator=generator)))
        return _chain(steps)


def constant_crop(smallest: float = 0.08) -> CropSchedule:
    """`rrc(a)`: crops of area U(smallest, 1) all along."""
    return lambda _: smallest


def curriculum_crop(milestone: float = 1.0, smallest: float = 0.08) -> CropSchedule:
    """`cda(m)`: a + (1 − a)(1 + cos(π t / mT)) / 2 up to t = mT, then a (CDA, arXiv 2311.18838).

    >>> [round(curriculum_crop()(progress), 2) for progress in (0, 0.5, 1)]
    [1.0, 0.54, 0.08]
    """

    def schedule(progress: float) -> float:
        if progress >= milestone:
            return smallest
        return min(1.0, smallest + (1 - smallest) * (1 + math.cos(math.pi * progress / milestone)) / 2)

    return schedule


def _chain(steps: list[Transform]) -> Transform:
    def transform(images: Tensor) -> Tensor:
        for step in steps:
            images = step(images)
        return images

    return transform


def _crop(crop: RandomResizedCrop | PaddedCrop, draws: int, size: int, generator: torch.Generator) -> Transform:
    draw = crop.draw(draws, size, generator)
    return lambda images: crop.transform(images, {key: value.to(images.device) for key, value in draw.items()})


def _flip(draws: int, generator: torch.Generator) -> Transform:
    flips = uniform((draws,), generator) < 0.5
    if draws == 1:
        mirrored = bool(flips)
        return lambda images: images.flip(-1) if mirrored else images
    return lambda images: flip_where(images, flips.to(images.device))


def _roll(shifts: Tensor) -> Transform:
    if shifts.shape[1] == 1:
        down, right = shifts[:, 0].tolist()
        return lambda images: images.roll((down, right), dims=(-2, -1))
    return lambda images: _roll_each(images, *shifts.to(images.device))


def _roll_each(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    height, width = images.shape[-2:]
    rows = (torch.arange(height, device=images.device) - down[:, None]) % height
    columns = (torch.arange(width, device=images.device) - right[:, None]) % width
    images = images.gather(2, rows[:, None, :, None].expand_as(images))
    return images.gather(3, columns[:, None, None, :].expand_as(images))
