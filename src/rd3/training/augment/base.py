"""What an augmentation is: settings that draw parameters for a batch, and apply them to it.

Drawing and applying are apart, so that one draw can serve two batches (Siamese augmentation), and so that a test can
give the same parameters to another library.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.plugin_classes import PluginRegistry
from rd3.training.constants import per_channel
from rd3.training.kinds import Kind, parse_kind

Draw = dict[str, Tensor]


class Augmentation(Kind):
    """Base of all augmentations of square float images in [0, 1].

    Class attributes:
        kind: the name in protocol files.
        on_normalised: whether the operation is defined on the normalised image, where 0 is the mean colour.
        waits_for_host: whether the host looks at what was drawn, so that a step with it cannot be captured. One that
            lives elsewhere is captured only if its own class says False.
        on_levels: whether it is defined on 8-bit pictures: raw floats are first clamped to [0, 1] and
            rounded to 256 levels.
    """

    on_normalised: ClassVar[bool] = False
    waits_for_host: ClassVar[bool] = False
    on_levels: ClassVar[bool] = False

    @abstractmethod
    def draw(self, count: int, size: int, generator: torch.Generator) -> Draw:
        """Parameters for `count` images of `size` x `size` pixels, one per image, on the generator's device."""

    @abstractmethod
    def transform(self, images: Tensor, draw: Draw) -> Tensor:
        """The operation itself on (B, C, H, W); normalised images if `on_normalised`."""

    def apply(self, images: Tensor, draw: Draw, *, mean: Sequence[float], std: Sequence[float]) -> Tensor:
        """Augment images with the parameters of a draw.

        Args:
            images: float (B, C, S, S) in [0, 1], on the draw's device.
            draw: what `draw(B, S, generator)` gave.
            mean, std: the student's normalisation, per channel, of pixels in [0, 1].

        Returns:
            Float (B, C, S, S), again before normalisation; a new tensor or `images` itself, which is never written.
        """
        if not self.on_normalised:
            return self.transform(images, draw)
        shift, unit = per_channel(mean, images), per_channel(std, images)
        return self.transform((images - shift) / unit, draw) * unit + shift

    def without_flip(self) -> Augmentation | None:
        """The same for classes that a mirror changes (digits); None if nothing is left to do."""
        return self


AUGMENTATIONS: PluginRegistry[type[Augmentation]] = PluginRegistry(
    "augmentation", "rd3.training.augment", base=Augmentation
)

AugmentationT = TypeVar("AugmentationT", bound=type[Augmentation])


def register(augmentation: AugmentationT) -> AugmentationT:
    """Class decorator: list the augmentation under its `kind`."""
    AUGMENTATIONS.add(augmentation.kind)(augmentation)
    return augmentation


def parse_augmentation(values: Mapping[str, Any]) -> Augmentation:
    """An augmentation from `{"kind": …, setting: value, …}`; the kind may be `module:Class`.

    Raises:
        UserError: one line that names the bad kind, key or value.

    >>> parse_augmentation({"kind": "flip", "p": 0.25})
    Flip(p=0.25, shared=False)
    """
    return parse_kind(AUGMENTATIONS, values)


def augment(
    images: Tensor,
    augmentations: Sequence[Augmentation],
    generator: torch.Generator,
    mean: Sequence[float],
    std: Sequence[float],
) -> Tensor:
    """Draw and apply augmentations in order to float images (B, C, S, S) in [0, 1] on the generator's device."""
    for augmentation in augmentations:
        draw = augmentation.draw(len(images), images.shape[-1], generator)
        shape = images.shape
        images = augmentation.apply(images, draw, mean=mean, std=std)
        if augmentation.plugin_source:
            _require_pictures(augmentation, images, shape)
    return images


def _require_pictures(augmentation: Augmentation, images: Any, shape: torch.Size) -> None:
    """Refuse what one that lives elsewhere gave back in place of the pictures that it was given."""
    if not isinstance(images, Tensor) or images.shape != shape or images.dtype != torch.float32:
        is_tensor = isinstance(images, Tensor)
        found = f"{images.dtype} of shape {tuple(images.shape)}" if is_tensor else type(images).__name__
        raise UserError(
            f"augmentation plug-in '{augmentation.kind}' returned {found}; expected torch.float32 of shape"
            f" {tuple(shape)}"
        )
