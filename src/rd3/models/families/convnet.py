"""ConvNet: the small network of dataset distillation.

Gidaris & Komodakis 2018 (Dynamic Few-Shot Visual Learning without Forgetting), in the form that Zhao et al. 2021
(Dataset Condensation with Gradient Matching, ICLR) gave it: D x [conv 3x3 with bias, norm, ReLU, average pool 2x2],
flatten, linear. Usual depth: 3 up to 32 px, 4 at 64, 5 at 128, 6 at 224. Default width 128, default norm `in`.
"""

from __future__ import annotations

import re

from torch import nn

from rd3.models.family import FAMILIES, Family, Shape, require_size
from rd3.models.layers import NORMS, FeatureClassifier, first_padding, norm_layer, padded_size

PATTERN = re.compile(r"convnet(?P<depth>[1-8])(-(?P<norm>bn|in|gn|ln|none))?(-w(?P<width>[1-9]\d{0,4}))?")


def build(match: re.Match[str], shape: Shape) -> nn.Module:
    """The network for a name such as `convnet3-bn-w32`."""
    depth, width, norm = int(match["depth"]), int(match["width"] or 128), match["norm"] or "in"
    side = padded_size(shape)
    require_size(match.string, Shape(classes=1, size=side, channels=1), least=2**depth)
    layers: list[nn.Module] = []
    for block in range(depth):
        channels, padding = (width, 1) if block else (shape.channels, first_padding(shape, 1))
        layers += [nn.Conv2d(channels, width, 3, padding=padding), norm_layer(norm, width, name=match.string)]
        layers += [nn.ReLU(), nn.AvgPool2d(2)]
    return FeatureClassifier(nn.Sequential(*layers), nn.Linear(width * (side >> depth) ** 2, shape.classes))


def names() -> list[str]:
    """Every depth with every norm at the default width, and two widths as examples."""
    norms = ("", *(f"-{key}" for key in NORMS))
    return [f"convnet{depth}{norm}" for depth in range(1, 9) for norm in norms] + ["convnet3-w32", "convnet3-w256"]


FAMILIES.add("convnet")(
    Family(usage="convnetD[-bn|-in|-gn|-ln|-none][-wWIDTH] (D = 1..8)", pattern=PATTERN, build=build, names=names)
)
