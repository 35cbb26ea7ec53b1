"""The small classics that cross-architecture tables use: MLP (128-128), LeNet-5 and AlexNet for small images.

LeCun et al. 1998; Krizhevsky et al. 2012; in the small forms of Zhao et al. 2021 (Dataset Condensation, ICLR).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import nn

from rd3.models.family import FAMILIES, Family, Shape, require_size
from rd3.models.layers import FeatureClassifier, first_padding, padded_size


def mlp(_: re.Match[str], shape: Shape) -> nn.Module:
    """Two hidden layers of 128."""
    hidden = nn.Sequential(
        nn.Flatten(), nn.Linear(shape.channels * shape.size**2, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU()
    )
    return FeatureClassifier(hidden, nn.Linear(128, shape.classes))


def lenet(match: re.Match[str], shape: Shape) -> nn.Module:
    """Two 5x5 convolutions with max-pools, then 120-84-classes; 28 px grey images are padded to 32."""
    side = padded_size(shape)
    require_size(match.string, Shape(classes=1, size=side, channels=1), least=16)
    features = nn.Sequential(
        *(nn.Conv2d(shape.channels, 6, 5, padding=first_padding(shape, 0)), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
    )
    flat = 16 * (((side - 4) // 2 - 4) // 2) ** 2
    hidden = (nn.Linear(flat, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU())
    return FeatureClassifier(features, nn.Sequential(*hidden, nn.Linear(84, shape.classes)))


def alexnet(match: re.Match[str], shape: Shape) -> nn.Module:
    """Five convolutions (128-192-256-192-192), three max-pools, one linear layer."""
    side = padded_size(shape)
    require_size(match.string, Shape(classes=1, size=side, channels=1), least=8)
    features = nn.Sequential(
        *(nn.Conv2d(shape.channels, 128, 5, padding=first_padding(shape, 2)), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(128, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(192, 256, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(256, 192, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(192, 192, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
    )
    return FeatureClassifier(features, nn.Linear(192 * (side // 8) ** 2, shape.classes))


def _register(name: str, build: Callable[[re.Match[str], Shape], nn.Module]) -> None:
    FAMILIES.add(name)(Family(usage=name, pattern=re.compile(name), build=build, names=lambda: [name]))


_register("mlp", mlp)
_register("lenet", lenet)
_register("alexnet", alexnet)
