"""One batch as the student sees it: augmented and mixed, with its hard labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from rd3.data.images import Images, as_unit
from rd3.training.augment.base import augment
from rd3.training.constants import per_channel
from rd3.training.losses import Labels
from rd3.training.order import Batch
from rd3.training.recipe import Recipe


@dataclass(frozen=True)
class Normalisation:
    """Per-channel mean and standard deviation of pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __call__(self, pictures: Tensor) -> Tensor:
        return (pictures - per_channel(self.mean, pictures)) / per_channel(self.std, pictures)


class View(NamedTuple):
    """A batch of B images.

    Attributes:
        pictures: float (B, C, S, S), 0 black and 1 white.
        unmixed: the same before mixing.
        labels: the hard ones.
        partner: int64 (B,), the place in the batch of what each image is mixed with; None where labels are not mixed.
    """

    pictures: Tensor
    unmixed: Tensor
    labels: Labels
    partner: Tensor | None = None


def view_of(images: Images, batch: Batch, recipe: Recipe, normalisation: Normalisation) -> View:
    """Augment and mix a batch as the recipe says, before normalisation.

    Mixing commutes with a per-channel normalisation, so teacher and student can each apply their own afterwards.
    """
    pixels = images.batch(batch.indices) if batch.pixels is None else batch.pixels
    labels = Labels(hard=images.labels[batch.indices])
    pictures = as_unit(pixels.to(labels.hard.device, non_blocking=True))
    mean, std = normalisation.mean, normalisation.std
    pictures = augment(pictures, recipe.augment, batch.generator, mean=mean, std=std)
    if recipe.mix is None:
        return View(pictures, pictures, labels)
    size = pictures.shape[-1]
    draw = recipe.mix.draw(len(pictures), size, batch.generator)
    mixed = recipe.mix.apply(pictures, draw)
    if recipe.mix_labels == "none":
        return View(mixed, pictures, labels)
    weight = draw.lam if recipe.mix_labels == "drawn" else recipe.mix.hard_weight(draw, size)
    return View(mixed, pictures, labels._replace(partner=labels.hard[draw.partner], weight=weight), draw.partner)
