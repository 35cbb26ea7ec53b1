"""What networks take in trajectory matching and feature regression: normalised or whitened images, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rd3.data.images import Images, as_unit
from rd3.data.spaces import PixelSpace, statistics_in
from rd3.data.target import Target
from rd3.data.whitening import EPSILON, Whitening, WhiteningKind, whitening_of
from rd3.matching.pixels import denormalised, standardised

SPACES: dict[WhiteningKind, PixelSpace] = {"kornia": "zca_kornia", "frepo": "zca_frepo"}


@dataclass(frozen=True)
class Inputs:
    """The preparation of raw images.

    Attributes:
        mean, std: per channel, of pixels in [0, 1]; not looked at where images are whitened.
        whitening: takes the place of the normalisation; one that can be undone.
        space: its name.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    whitening: Whitening | None
    space: PixelSpace

    def of_raw(self, raw: Tensor) -> Tensor:
        """Floats, 0 black and 1 white, (B, C, H, W) as networks take them."""
        return standardised(raw, self.mean, self.std) if self.whitening is None else self.whitening(raw)

    def to_raw(self, values: Tensor) -> Tensor:
        """What is stored: 0 is black and 1 is white, not clamped."""
        return denormalised(values, self.mean, self.std) if self.whitening is None else self.whitening.undo(values)


def inputs_of(
    target: Target, whitening: WhiteningKind | None, device: torch.device, *, normalised: PixelSpace = "norm_target"
) -> Inputs:
    """Whitened by a fit on the training split, or else normalised with the statistics of a space (the target's)."""
    fitted = None if whitening is None else whitening_of(target, whitening, EPSILON, device)
    mean, std = statistics_in(normalised, target)
    return Inputs(mean, std, fitted, normalised if whitening is None else SPACES[whitening])


class RealImages:
    """The real training images as networks take them, a batch at a time."""

    def __init__(self, images: Images, inputs: Inputs) -> None:
        self._images, self._inputs = images, inputs
        self.labels = images.labels

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, rows: Tensor) -> Tensor:
        """Float32 (len(rows), C, H, W)."""
        return self._inputs.of_raw(as_unit(self._images.batch(rows)))

    def of_class(self, label: int, generator: torch.Generator) -> Tensor:
        """The rows of all images of a class in random order."""
        rows = (self.labels == label).nonzero()[:, 0]
        return rows[torch.randperm(len(rows), generator=generator, device=generator.device)]

    def random(self, classes: int, ipc: int, generator: torch.Generator) -> Tensor:
        """`ipc` random images of every class, class by class; every class must have that many."""
        return self.batch(torch.cat([self.of_class(label, generator)[:ipc] for label in range(classes)]))
