"""ResNets: He et al. 2016 (CVPR), torchvision's, with the field's stem for small images."""

from __future__ import annotations

import re

from torch import nn

from rd3.models.family import FAMILIES, Family, Shape
from rd3.models.stem import adapt_stem

NAMES = ["resnet18", "resnet34", "resnet50", "resnet101"]


def build(match: re.Match[str], shape: Shape) -> nn.Module:
    """torchvision's network; up to 64 px with a 3x3 stride-1 stem and no max-pool."""
    import torchvision

    model: nn.Module = torchvision.models.get_model(match.string, weights=None, num_classes=shape.classes)
    adapt_stem(model, shape)
    return model


FAMILIES.add("resnet")(
    Family(usage="resnet18|34|50|101", pattern=re.compile("|".join(NAMES)), build=build, names=lambda: list(NAMES))
)
