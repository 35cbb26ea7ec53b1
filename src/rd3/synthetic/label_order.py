"""Which image a stored label belongs to: as the files say, or by the sampler that everybody uses; and whether it fits.

Files without indices follow `torch.utils.data.RandomSampler` with a generator of seed 42 over the images in the order
of ImageFolder, epoch after epoch. Newer versions of torch draw one more permutation an epoch, so that both are tried.
No order is believed before the labels confirm it: the largest label of a view that is mostly one image must be that
image's class.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rd3.base.errors import UserError
from rd3.synthetic.label_record import Record
from rd3.synthetic.label_store import LabelStore

SEED = 42
DRAWS = (2, 1)  # permutations that the sampler draws an epoch, in newer and older versions of torch
LOOKED_AT = 3  # epochs
MOSTLY = 0.5  # own share of the views that are looked at
CONFIRMED = 0.5  # of the way from chance to always right
PLAUSIBLE = 0.1  # the same where the files name the images


@dataclass(frozen=True)
class Dataset:
    """The images that the labels are of.

    Attributes:
        labels: int64 (N,), their classes.
        order: int64 (N,), the row of the image that ImageFolder has at each place.
        side: of the views, in pixels.
        classes: how many labels of each view there must be; None where nobody knows.
        columns: int64 (classes,), which class each of those is; None where they are in the order of the classes.
    """

    labels: NDArray[np.int64]
    order: NDArray[np.int64]
    side: int
    classes: int | None = None
    columns: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)


class _Sampler:
    """The permutations of `count` that a generator of the seed draws one after the other."""

    def __init__(self, count: int) -> None:
        self._count, self._drawn = count, 0
        self._generator = torch.Generator().manual_seed(SEED)

    def __getitem__(self, number: int) -> Tensor:
        if number < self._drawn:
            self._generator.manual_seed(SEED)
            self._drawn = 0
        while self._drawn < number:
            torch.randperm(self._count, generator=self._generator)
            self._drawn += 1
        self._drawn += 1
        return torch.randperm(self._count, generator=self._generator)


@dataclass(frozen=True)
class Order:
    """A way to know the images of a batch.

    Attributes:
        draws: permutations an epoch of the sampler; None where files hold indices.
        sampler: of the images.
        agreement: share of views whose largest label is their class.
    """

    dataset: Dataset
    draws: int | None
    sampler: _Sampler
    agreement: float = 0.0

    @property
    def how(self) -> str:
        return "indices in the files" if self.draws is None else f"random sampler of seed {SEED} over sorted files"

    def rows(self, store: LabelStore, epoch: int) -> Iterator[tuple[Tensor, Record]]:
        """Rows (B,) of the images of every batch of an epoch, with its record.

        Raises:
            UserError: a file is damaged, or the epoch has not as many views as there are images.
        """
        sampled = None if self.draws is None else self.sampler[self.draws * epoch]
        order, start = torch.from_numpy(self.dataset.order), 0
        for number, record in enumerate(store.records(epoch)):
            places = record.indices if sampled is None else sampled[start : start + len(record)]
            start += len(record)
            if places is None or len(places) < len(record) or int(places.max()) >= len(order):
                raise UserError(f"epoch_{epoch}/batch_{number}.tar: {self._misfit(record)}")
            yield order[places], self._in_order(record)
        dropped = len(self.dataset) - start  # a last batch that is not full may be left out
        if sampled is not None and dropped and dropped >= len(record):
            raise UserError(f"epoch_{epoch}: has {start} views for {len(self.dataset)} images")

    def _in_order(self, record: Record) -> Record:
        columns = self.dataset.columns
        if columns is None or len(columns) != record.soft.shape[1]:
            return record
        return replace(record, soft=record.soft[:, torch.from_numpy(columns).argsort()])

    def _misfit(self, record: Record) -> str:
        images = f"there are {len(self.dataset)} images"
        if self.draws is not None:
            return f"has views beyond the last image; {images}"
        if record.indices is None:
            return "has no indices, which other files have"
        return f"names image {int(record.indices.max())}, but {images}"


def order_of(store: LabelStore, dataset: Dataset) -> Order:
    """The order that the labels confirm.

    Raises:
        UserError: they confirm none; with how often they agree, and with chance.
    """
    first = next(store.records(next(iter(store.epochs))))
    if dataset.classes not in (None, first.soft.shape[1]):
        raise UserError(f"has labels of {first.soft.shape[1]} classes, but there are {dataset.classes}")
    draws = (None,) if first.indices is not None else DRAWS
    untried = [Order(dataset, each, _Sampler(len(dataset))) for each in draws]
    tried = [replace(order, agreement=_agreement(order, store)) for order in untried]
    best = max(tried, key=lambda order: order.agreement)
    chance = float(np.bincount(dataset.labels).max() / len(dataset))
    needed = chance + (PLAUSIBLE if best.draws is None else CONFIRMED) * (1 - chance)
    if best.agreement < needed:
        raise UserError(
            f"its largest label is the image's class for {best.agreement:.0%} of views by the {best.how}, and chance is"
            f" {chance:.0%}: labels of other images, or in another order, which the files do not tell"
        )
    return best


def _agreement(order: Order, store: LabelStore) -> float:
    labels, right, seen = torch.from_numpy(order.dataset.labels), 0, 0
    for epoch in islice(store.epochs, LOOKED_AT):
        for rows, record in order.rows(store, epoch):
            mostly = record.own_share(order.dataset.side) >= MOSTLY
            right += int((record.soft.argmax(dim=1) == labels[rows])[mostly].sum())
            seen += int(mostly.sum())
    return right / max(1, seen)
