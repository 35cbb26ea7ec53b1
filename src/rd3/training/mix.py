"""Mixing two images of a batch: CutMix (Yun et al., 2019) and Mixup (Zhang et al., 2018).

Each batch has one permutation, one λ and one box, as in the code of the decoupled methods. Labels are not mixed here:
a teacher labels the mixed images, and a hard-label loss takes `hard_weight`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from rd3.base.registry import Registry
from rd3.training.augment.pixels import integers, uniform
from rd3.training.kinds import Kind, parse_kind


class MixDraw(NamedTuple):
    """Parameters of one batch, on the generator's device.

    Attributes:
        partner: int64 (B,), the image that each image is mixed with.
        lam: 0-d float, the share of the base image as it was drawn.
        box: int64 (4,), top, bottom, left and right of what comes from the partner; empty for Mixup.
    """

    partner: Tensor
    lam: Tensor
    box: Tensor


class Mix(Kind):
    """Base of CutMix and Mixup.

    Attributes:
        alpha: λ ~ Beta(alpha, alpha).
        p: probability that a batch is mixed at all.
        partner: `permutation`, or `roll`, the previous image of the batch, as in torchvision's reference code, or
            `reverse`, the image as far from the end of the batch as this one is from its start, as in timm.
    """

    alpha: float = Field(default=1.0, gt=0)
    p: float = Field(default=1.0, ge=0, le=1)
    partner: Literal["permutation", "roll", "reverse"] = "permutation"

    def draw(self, count: int, size: int, generator: torch.Generator) -> MixDraw:
        """Parameters for a batch of `count` images of `size` x `size` pixels."""
        partner = _partners(self.partner, count, generator)
        lam = draw_beta(self.alpha, generator)
        if self.p < 1:
            lam = torch.where(uniform((), generator) < self.p, lam, 1.0)
        return MixDraw(partner, lam, self._box(lam, size, generator))

    def _box(self, lam: Tensor, size: int, generator: torch.Generator) -> Tensor:  # noqa: ARG002
        return torch.zeros(4, dtype=torch.int64, device=lam.device)

    @abstractmethod
    def apply(self, images: Tensor, draw: MixDraw) -> Tensor:
        """Mixed images (B, C, S, S); the same before as after normalisation, up to rounding."""

    @abstractmethod
    def hard_weight(self, draw: MixDraw, size: int) -> Tensor:
        """Weight of the base image's label, 0-d; the partner's label has the rest."""


MIXES: Registry[type[Mix]] = Registry("mix")


def parse_mix(values: Mapping[str, Any]) -> Mix:
    """A mix from `{"kind": "cutmix", "alpha": 1.0}`.

    Raises:
        UserError: one line that names the bad kind, key or value.
    """
    return parse_kind(MIXES, values)


@MIXES.add("cutmix")
class CutMix(Mix):
    """Paste a box of the partner; its side before clipping is a fraction sqrt(1 − λ) of the image's.

    The half side is floor(floor(S·sqrt(1 − λ)) / 2) = floor(S·sqrt(1 − λ) / 2), so that the two ways in which
    published code rounds it agree: the decoupled methods' and torchvision's reference. (timm 1.0.31 gives an
    odd side one pixel more.)
    """

    kind: ClassVar[str] = "cutmix"

    def _box(self, lam: Tensor, size: int, generator: torch.Generator) -> Tensor:
        half = (size * (1 - lam).sqrt()).to(torch.int64) // 2
        centre = integers(uniform((2,), generator), size)
        return torch.stack((centre - half, centre + half), dim=1).clamp(0, size).flatten()

    def apply(self, images: Tensor, draw: MixDraw) -> Tensor:
        top, bottom, left, right = draw.box
        row, column = (torch.arange(side, device=images.device) for side in images.shape[-2:])
        box = ((row >= top) & (row < bottom))[:, None] & ((column >= left) & (column < right))
        return torch.where(box, images.index_select(0, draw.partner), images)

    def hard_weight(self, draw: MixDraw, size: int) -> Tensor:
        """1 − area / S², of the clipped box."""
        top, bottom, left, right = draw.box
        weight: Tensor = 1 - (bottom - top) * (right - left) / size**2
        return weight


@MIXES.add("mixup")
class MixUp(Mix):
    """λ·x + (1 − λ)·partner."""

    kind: ClassVar[str] = "mixup"

    def apply(self, images: Tensor, draw: MixDraw) -> Tensor:
        lam = draw.lam.to(images.dtype)
        return lam * images + (1 - lam) * images.index_select(0, draw.partner)

    def hard_weight(self, draw: MixDraw, size: int) -> Tensor:  # noqa: ARG002
        return draw.lam


def draw_beta(alpha: float, generator: torch.Generator) -> Tensor:
    """λ ~ Beta(alpha, alpha), 0-d float32 on the generator's device."""
    if alpha == 1:
        return uniform((), generator)
    # torch.distributions takes no generator; a two-dimensional Dirichlet is a Beta.
    concentration = torch.full((2,), alpha, device=generator.device)
    lam: Tensor = torch._sample_dirichlet(concentration, generator=generator)[0]
    return lam


def _partners(kind: str, count: int, generator: torch.Generator) -> Tensor:
    if kind != "permutation":
        own = torch.arange(count, device=generator.device)
        return own.roll(1) if kind == "roll" else own.flip(0)
    return torch.randperm(count, generator=generator, device=generator.device)
