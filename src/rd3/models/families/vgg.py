"""VGG-11 for small images: Simonyan & Zisserman 2015 (ICLR), as dataset distillation uses it.

Eight 3x3 convolutions with a norm (`in` unless named), five 2x2 max-pools, one linear layer instead of three.
"""

from __future__ import annotations

import re

from torch import nn

from rd3.models.family import FAMILIES, Family, Shape, require_size
from rd3.models.layers import NORMS, FeatureClassifier, first_padding, norm_layer, padded_size

STAGES = ((64,), (128,), (256, 256), (512, 512), (512, 512))
PATTERN = re.compile(r"vgg11(-(?P<norm>bn|in|gn|ln|none))?")


def build(match: re.Match[str], shape: Shape) -> nn.Module:
    """The network for a name such as `vgg11-bn`."""
    side = padded_size(shape)
    require_size(match.string, Shape(classes=1, size=side, channels=1), least=2 ** len(STAGES))
    layers: list[nn.Module] = []
    channels, padding = shape.channels, first_padding(shape, 1)
    for stage in STAGES:
        for width in stage:
            norm = norm_layer(match["norm"] or "in", width, name=match.string)
            layers += [nn.Conv2d(channels, width, 3, padding=padding), norm, nn.ReLU()]
            channels, padding = width, 1
        layers.append(nn.MaxPool2d(2))
    flat = channels * (side >> len(STAGES)) ** 2
    return FeatureClassifier(nn.Sequential(*layers), nn.Linear(flat, shape.classes))


FAMILIES.add("vgg")(
    Family(
        usage="vgg11[-bn|-in|-gn|-ln|-none]",
        pattern=PATTERN,
        build=build,
        names=lambda: ["vgg11", *(f"vgg11-{key}" for key in NORMS)],
    )
)
