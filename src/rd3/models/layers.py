"""Parts that the field's small networks share: their normalisations, and features followed by one linear layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from rd3.base.errors import UserError
from rd3.models.family import Shape

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "in": lambda channels: nn.GroupNorm(channels, channels),
    "bn": nn.BatchNorm2d,
    "gn": lambda channels: nn.GroupNorm(4, channels),
    "ln": lambda channels: nn.GroupNorm(1, channels),
    "none": lambda _: nn.Identity(),
}
"""Layer for a number of channels. Instance norm is a GroupNorm with one channel a group, as in the field's code."""


class FeatureClassifier(nn.Module):
    """`classifier(features(images))` with the features flattened in between.

    The two names are those of the field's state dicts (`features.0.weight`, `classifier.bias`).
    """

    def __init__(self, features: nn.Sequential, classifier: nn.Module) -> None:
        super().__init__()
        self.features = features
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(images).flatten(1))
        return logits


def norm_layer(kind: str, channels: int, *, name: str) -> nn.Module:
    """The normalisation `kind` for so many channels; `name` is the network's, for the message.

    Raises:
        UserError: `gn` with a width that its 4 groups do not divide.
    """
    if kind == "gn" and channels % 4:
        raise UserError(f"model '{name}': width {channels} cannot be split into the 4 groups of gn")
    return NORMS[kind](channels)


def first_padding(shape: Shape, usual: int) -> int:
    """Padding of the first convolution: 2 more on each side for 1x28x28 digits, which then count as 32 px."""
    return usual + 2 if is_small_grey(shape) else usual


def padded_size(shape: Shape) -> int:
    """Side of the first feature map before any pooling."""
    return 32 if is_small_grey(shape) else shape.size


def is_small_grey(shape: Shape) -> bool:
    """Whether the images are the single-channel 28 px kind (MNIST, FashionMNIST)."""
    return shape.channels == 1 and shape.size == 28
