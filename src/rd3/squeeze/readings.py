"""Which layers of a network are looked at, and how a feature map is grouped into what statistics are taken of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Reading(Protocol):
    """Groups the values of feature maps; hashable, so that statistics can be kept by it."""

    def __call__(self, features: Tensor) -> Tensor:
        """(B, C, ...) to (B, G, ...): every further dimension is values of one group."""

    def __hash__(self) -> int: ...


@dataclass(frozen=True)
class Channels:
    """The groups are the channels."""

    def __call__(self, features: Tensor) -> Tensor:
        return features


@dataclass(frozen=True)
class Tiles:
    """The groups are places: tiles of side x side pixels, each with all channels (G-VBSM, arXiv 2311.17950).

    Height and width are first resized (bilinear) up to a multiple of the side.
    """

    side: int

    def __call__(self, features: Tensor) -> Tensor:
        height, width = (-(-length // self.side) for length in features.shape[-2:])  # in tiles
        size = (height * self.side, width * self.side)
        if size != features.shape[-2:]:
            features = F.interpolate(features, size, mode="bilinear")
        batch, channels = features.shape[:2]
        tiles = features.reshape(batch, channels, height, self.side, width, self.side)
        return tiles.permute(0, 2, 4, 1, 3, 5).reshape(batch, height * width, -1)


def image_moments(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance of every group in every image, (B, G) each, of groups (B, G, ...)."""
    values = groups.flatten(2) if groups.ndim > 2 else groups[:, :, None]
    mean = values.mean(2)
    return mean, (values - mean[:, :, None]).square().mean(2)


def layers_of(model: nn.Module, kind: str) -> list[nn.Module]:
    """The layers of a kind in the order of registration: `bn` or `conv`."""
    return list(batch_norms(model)) if kind == "bn" else convolutions(model)


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    """BatchNorm layers with running statistics, in the order of registration."""
    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    return [layer for layer in layers if layer.running_mean is not None and layer.running_var is not None]


def convolutions(model: nn.Module) -> list[nn.Module]:
    """2-d convolutions, in the order of registration."""
    return [module for module in model.modules() if isinstance(module, nn.Conv2d)]
