"""One static soft label an image, made of a teacher's labels of augmented views (`rd3.synthetic.label_store`).

A label of a mixed view is that of two images. An image's static label is the mean over the views of at least
`OWN_SHARE` its own, and where it has none, that of the view with the most. The views themselves (crops, flips, the
order of batches) are not replayed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.synthetic.label_order import Dataset, order_of
from rd3.synthetic.label_record import Record
from rd3.synthetic.label_store import open_store
from rd3.synthetic.pixels import Array
from rd3.synthetic.soft_labels import SoftLabelForm

__all__ = ["OWN_SHARE", "Dataset", "StaticLabels", "static_labels"]

OWN_SHARE = 0.9


@dataclass(frozen=True)
class StaticLabels:
    """Static labels of a set.

    Attributes:
        rows: float32 (N, classes), a row an image, in the order of the set.
        form: logits, or probabilities where the store holds those.
        readings: what -> [reading, how that is known].
        facts: of the store, for the manifest.
    """

    rows: Array
    form: SoftLabelForm
    readings: dict[str, list[str]]
    facts: dict[str, Any]


def static_labels(path: Path, dataset: Dataset) -> StaticLabels:
    """The static labels of a set from the store of its views.

    Raises:
        UserError: a file is damaged, or the labels are not, or not surely, those of this set.
    """
    store = open_store(path)
    order = order_of(store, dataset)
    means = _Means(len(dataset), dataset.side)
    for epoch in store.epochs:
        for rows, record in order.rows(store, epoch):
            means.add(rows, record)
    found, form = means.rows(), means.form
    mixed = f", {means.least_shared} images by the view that is most their own" if means.least_shared else ""
    words = f"mean of {means.views} of {means.seen} views that are {OWN_SHARE:.0%} or more of one image{mixed}"
    readings = {
        "soft labels": [form, f"{len(store.epochs)} epochs of stored views: {words}; views are not replayed"],
        "their order": [order.how, f"the largest label is that of the class for {order.agreement:.0%} of views"],
    }
    facts = {"epochs": len(store.epochs), "views": means.seen, "used": means.views, "bytes": store.bytes}
    return StaticLabels(found, form, readings, facts)


@dataclass
class _Means:
    """Sums over views, image by image.

    Attributes:
        seen, views: how many there were, and how many are in the means.
        least_shared: images without a view that is their own.
    """

    images: int
    side: int
    seen: int = 0
    views: int = 0
    least_shared: int = 0
    _form: SoftLabelForm | None = None
    _sums: Tensor = field(default_factory=lambda: torch.zeros(0))
    _best: Tensor = field(default_factory=lambda: torch.zeros(0))
    _counts: Tensor = field(default_factory=lambda: torch.zeros(0))
    _shares: Tensor = field(default_factory=lambda: torch.zeros(0))

    @property
    def form(self) -> SoftLabelForm:
        assert self._form is not None, "no view was added"
        return self._form

    def add(self, rows: Tensor, record: Record) -> None:
        self._start(record)
        if record.form != self._form or record.soft.shape[1] != self._sums.shape[1]:
            raise UserError("its label files disagree on the number of classes, or on logits and probabilities")
        shares = record.own_share(self.side)
        own = shares >= OWN_SHARE
        self._sums.index_add_(0, rows[own], record.soft[own])
        self._counts += torch.bincount(rows[own], minlength=self.images)
        self.seen, self.views = self.seen + len(rows), self.views + int(own.sum())
        better = shares > self._shares[rows]
        self._best[rows[better]], self._shares[rows[better]] = record.soft[better], shares[better]

    def _start(self, record: Record) -> None:
        if self._form is None:
            self._form = record.form
            self._sums = torch.zeros(self.images, record.soft.shape[1])
            self._best = torch.zeros_like(self._sums)
            self._counts = torch.zeros(self.images, dtype=torch.int64)
            self._shares = torch.full((self.images,), -1.0)

    def rows(self) -> Array:
        missing = int((self._shares < 0).sum())
        if missing:
            raise UserError(f"its label files have no view of {missing} of {self.images} images")
        counts = self._counts[:, None]
        self.least_shared = int((counts == 0).sum())
        rows: Array = torch.where(counts > 0, self._sums / counts.clamp_min(1), self._best).numpy()
        return rows
