"""Which images a step takes, and whose draws make its views of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.training.recipe import Recipe


class Batch(NamedTuple):
    """One step's images.

    Attributes:
        indices: int64 (B,), which images.
        generator: of their augmentation and mixing.
        number: of the label batch that it is, None for a new one.
        pixels: uint8 (B, C, H, W), where they were fetched already.
    """

    indices: Tensor
    generator: torch.Generator
    number: int | None = None
    pixels: Tensor | None = None


class Order:
    """The batches of a run, epoch by epoch, on a set of `count` images."""

    def __init__(self, count: int, recipe: Recipe, *, generator: torch.Generator, seed: int) -> None:
        self._count = count
        self._recipe = recipe
        self._generator = generator
        self._kept = LabelBatches(count, recipe, seed=seed, device=generator.device) if recipe.label_epochs else None

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (from 0); to be asked for once and in order."""
        kept = self._kept
        if kept is None or self._recipe.is_hard(epoch):
            steps = shuffled(self._count, self._recipe, self._generator)
            if self._recipe.repeat_last and len(steps) > 1:
                steps[-1] = steps[-2]
            return (Batch(indices, self._generator) for indices in steps)
        if epoch == 0 or self._recipe.is_hard(epoch - 1):
            kept.shuffle()
        numbers = kept.draw(self._recipe.batches(self._count), self._generator)
        return (kept[number] for number in numbers)


def shuffled(count: int, recipe: Recipe, generator: torch.Generator) -> list[Tensor]:
    """Image ids of one epoch, shuffled and cut into batches."""
    batch = recipe.full_batch(count)
    batches = list(torch.randperm(count, generator=generator, device=generator.device).split(batch))
    if recipe.drop_last and len(batches[-1]) < batch:
        batches.pop()
    return batches


class LabelBatches:
    """The soft-labelled batches that a limited label store would hold, without the store.

    Batch k is batch k mod B of a shuffled epoch ⌊k / B⌋, B batches an epoch; its images and its views follow from the
    run's seed and k alone, so that the same k is the same batch, bit by bit.

    LPLD (arXiv 2410.15919) draws with replacement; HALD (arXiv 2512.15647) uses a shuffled store up, and shuffles it
    again when it is used up and when training on soft labels starts again.
    """

    def __init__(self, count: int, recipe: Recipe, *, seed: int, device: torch.device) -> None:
        self._count = count
        self._recipe = recipe
        self._seed = seed
        self._device = device
        self._epochs: dict[int, list[Tensor]] = {}
        self._deck: list[int] = []
        self._size = recipe.kept_batches(count) or 0
        if self._size == 0:
            raise UserError(
                f"label_epochs = {recipe.label_epochs}: is less than one of {recipe.batches(count)} batches an epoch"
            )

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, number: int) -> Batch:
        epoch, place = divmod(number, self._recipe.batches(self._count))
        if epoch not in self._epochs:
            self._epochs[epoch] = shuffled(self._count, self._recipe, self._generator("label epoch", epoch))
        return Batch(self._epochs[epoch][place], self._generator("label batch", number), number)

    def draw(self, steps: int, generator: torch.Generator) -> list[int]:
        """The numbers of that many batches, as `label_draw` and `repeat_last` say."""
        if self._recipe.label_draw == "shuffled":
            numbers = [self._next(generator) for _ in range(steps)]
        else:
            numbers = torch.randint(self._size, (steps,), generator=generator, device=self._device).tolist()
        return [self._before_last(number) for number in numbers] if self._recipe.repeat_last else numbers

    def _before_last(self, number: int) -> int:
        """A stored epoch's last batch gives way to the one before it, as in LPLD's released code."""
        batches = self._recipe.batches(self._count)
        return number - 1 if batches > 1 and (number + 1) % batches == 0 else number

    def shuffle(self) -> None:
        """Put all batches back."""
        self._deck.clear()

    def _next(self, generator: torch.Generator) -> int:
        if not self._deck:
            self._deck = torch.randperm(self._size, generator=generator, device=self._device).tolist()
        return self._deck.pop()

    def _generator(self, purpose: str, number: int) -> torch.Generator:
        return torch.Generator(self._device).manual_seed(derive_seed(purpose, self._seed, number))
