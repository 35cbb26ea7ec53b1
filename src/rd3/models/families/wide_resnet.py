"""Wide ResNets for 32 px images: Zagoruyko & Komodakis 2016 (BMVC, arXiv 1605.07146).

A 3x3 convolution to 16 channels; three stages of pre-activation blocks with 16, 32 and 64 times the widening factor,
the second and third at half the size; norm, ReLU, global mean, one linear layer. The pools of G-VBSM and EDC have
WRN-16-2.
"""

from __future__ import annotations

import re

from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.models.family import FAMILIES, Family, Shape

PATTERN = re.compile(r"wrn(?P<depth>[1-9]\d{0,2})-(?P<widen>[1-9]\d?)")
STAGES = ((16, 1), (32, 2), (64, 2))


class Block(nn.Module):
    """Twice [norm, ReLU, 3x3 convolution], added to the input, or to a 1x1 convolution of its first activation."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(channels, width, 3, stride=stride, padding=1, bias=False)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.shortcut = None if channels == width else nn.Conv2d(channels, width, 1, stride=stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        active = self.bn1(maps).relu()
        residual: Tensor = self.conv2(self.bn2(self.conv1(active)).relu())
        return residual + (maps if self.shortcut is None else self.shortcut(active))


class WideResNet(nn.Module):
    """`blocks` a stage, and `widen` times the channels."""

    def __init__(self, shape: Shape, *, blocks: int, widen: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(shape.channels, 16, 3, padding=1, bias=False)]
        channels = 16
        for base, stride in STAGES:
            for block in range(blocks):
                layers.append(Block(channels, base * widen, stride if block == 0 else 1))
                channels = base * widen
        self.features = nn.Sequential(*layers, nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.classifier = nn.Linear(channels, shape.classes)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def _initialise(module: nn.Module) -> None:
    """He's normal law by fan-out for convolutions, as in the paper's code; the head's bias is 0."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.Linear):
        nn.init.zeros_(module.bias)


def build(match: re.Match[str], shape: Shape) -> nn.Module:
    """The network for a name such as `wrn16-2`: depth 6·blocks + 4, and the widening factor.

    Raises:
        UserError: no whole number of blocks gives that depth.
    """
    depth, widen = int(match["depth"]), int(match["widen"])
    if depth < 10 or (depth - 4) % 6:
        raise UserError(f"model '{match.string}': depth {depth} is not 10, 16, 22, 28, ... = 6·blocks + 4")
    return WideResNet(shape, blocks=(depth - 4) // 6, widen=widen)


FAMILIES.add("wrn")(
    Family(
        usage="wrnDEPTH-WIDEN (DEPTH = 10, 16, 22, ...)",
        pattern=PATTERN,
        build=build,
        names=lambda: ["wrn16-2", "wrn40-2"],
    )
)
