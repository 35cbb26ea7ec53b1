"""Mosaics: stored images that stand for several each, as IDC (arXiv 2205.14959) and IDM (arXiv 2307.09742) have them.

A budget of N stored images then trains a student with factor² · N; who compares must count what is stored.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from rd3.base.spec import Spec

PADDING = 0.5  # IDC's grey, where the factor does not divide the side


class Decode(Spec):
    """How a stored image becomes factor² of them: each part of a grid is enlarged to the full side.

    Attributes:
        factor: parts along a side.
        order: of the parts. `rows` is tl, tr, bl, br (IDC, DREAM, NCFM); `columns` is tl, bl, tr, br (IDM).
        interpolation: `bilinear`, without corner alignment.
    """

    factor: int = Field(default=2, ge=2)
    order: Literal["rows", "columns"] = "rows"
    interpolation: Literal["bilinear"] = "bilinear"

    @property
    def parts(self) -> int:
        """Images that a stored one gives."""
        return self.factor**2


def decoded(images: Tensor, decode: Decode) -> Tensor:
    """Float images (parts · N, C, H, W), part by part: first part 0 of all N, then part 1.

    Args:
        images: floats (N, C, H, W), 0 black and 1 white.
    """
    height, width = images.shape[-2:]
    tall, wide = -(-height // decode.factor), -(-width // decode.factor)
    padded = F.pad(images, (0, wide * decode.factor - width, 0, tall * decode.factor - height), value=PADDING)
    places = [(i, j) for i in range(decode.factor) for j in range(decode.factor)]
    if decode.order == "columns":
        places = [(i, j) for j, i in places]
    parts = [padded[..., i * tall : (i + 1) * tall, j * wide : (j + 1) * wide] for i, j in places]
    return F.interpolate(torch.cat(parts), (height, width), mode=decode.interpolation, align_corners=False)


def repeated(values: Tensor, decode: Decode) -> Tensor:
    """Labels (N, …) of the stored images as those (parts · N, …) of the decoded ones."""
    return torch.cat([values] * decode.parts)
