"""Real images for matching: per class, without replacement, from the generator that is given."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rd3.data.images import Images
from rd3.matching.pixels import normalised


class ClassSampler:
    """Random real images of every class, normalised.

    Args:
        images: the real training images, on the device to work on.
        classes: number of classes; every class has at least one image.
        mean, std: per channel, of pixels in [0, 1].
    """

    def __init__(self, images: Images, *, classes: int, mean: Sequence[float], std: Sequence[float]) -> None:
        self._images, self._mean, self._std = images, mean, std
        self.counts = tuple(torch.bincount(images.labels, minlength=classes).tolist())
        assert all(self.counts), "a class has no image"
        order = images.labels.argsort(stable=True)
        rows = torch.split(order, list(self.counts))
        # One row a class, filled up with -1, so that all classes are drawn at once.
        self._members = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=-1)

    def indices(self, per_class: int, generator: torch.Generator) -> list[Tensor]:
        """Distinct indices of `per_class` random images of every class; all of a class that has fewer."""
        members = self._members
        # float64, because float32 keys tie often enough to matter.
        keys = torch.rand(members.shape, generator=generator, device=members.device, dtype=torch.float64)
        keys = keys.masked_fill(members < 0, -1.0)
        best = keys.topk(min(per_class, members.shape[1]), dim=1).indices
        drawn = members.gather(1, best)
        return [row[: min(per_class, count)] for row, count in zip(drawn, self.counts, strict=True)]

    def images(self, indices: Sequence[Tensor]) -> list[Tensor]:
        """Normalised float images (n_k, C, H, W) for each of the given lists of indices."""
        pixels = self._images.batch(torch.cat(list(indices)))
        return list(torch.split(normalised(pixels, self._mean, self._std), [len(part) for part in indices]))

    @property
    def total(self) -> int:
        """Real images of all classes."""
        return len(self._images)

    def any(self, count: int, generator: torch.Generator) -> Tensor:
        """Indices of `count` distinct random images, whatever their class; all where there are fewer."""
        order = torch.randperm(self.total, generator=generator, device=generator.device)
        return order[:count]

    def labelled(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        """Normalised float images and their labels."""
        return normalised(self._images.batch(indices), self._mean, self._std), self._images.labels[indices]
