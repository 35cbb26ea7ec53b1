"""Which images are optimised together.

BatchNorm statistics are those of a batch, so the pattern changes the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor


@dataclass(frozen=True)
class PlanItem:
    """Images that are optimised together.

    Attributes:
        index: place in the plan; with the seed it fixes everything drawn for the item.
        labels: int64 (B,).
        slots: int64 (B,), which of its class's images each one is, from 0.
    """

    index: int
    labels: Tensor
    slots: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def classes(self) -> tuple[Tensor, Tensor, Tensor]:
        """The classes (k,), which of them every image is of (B,), and how many of each there are (k,)."""
        classes, row, count = self.labels.unique(return_inverse=True, return_counts=True)
        return classes, row, count

    def to(self, device: torch.device) -> PlanItem:
        return PlanItem(self.index, self.labels.to(device), self.slots.to(device))

    def take(self, rows: Tensor) -> PlanItem:
        """The item with only some of its images."""
        return PlanItem(self.index, self.labels[rows], self.slots[rows])

    def rows(self, ipc: int) -> Tensor:
        """Where the images stand in a set that is ordered class by class, int64 (B,)."""
        return self.labels * ipc + self.slots


Batching = Callable[[int, int, int], list[PlanItem]]  # (ipc, classes, batch size) -> plan


def one_per_class(ipc: int, classes: int, batch_size: int) -> list[PlanItem]:
    """`opc`: one image of each of up to `batch_size` classes (SRe2L, CDA, DWA, CV-DD, FADRM, INFER)."""
    return _plan(
        [(label, slot) for label in range(first, min(first + batch_size, classes))]
        for slot in range(ipc)
        for first in range(0, classes, batch_size)
    )


def class_major(ipc: int, classes: int, batch_size: int) -> list[PlanItem]:
    """`cm`: class after class, cut every `batch_size` images (G-VBSM, EDC, DELT, WMDD)."""
    pairs = [(label, slot) for label in range(classes) for slot in range(ipc)]
    return _plan(pairs[start : start + batch_size] for start in range(0, len(pairs), batch_size))


def one_class(ipc: int, classes: int, batch_size: int) -> list[PlanItem]:  # noqa: ARG001
    """`1c`: exactly the images of one class, whatever the batch size (LPLD)."""
    return _plan([(label, slot) for slot in range(ipc)] for label in range(classes))


BATCHINGS: dict[str, Batching] = {"opc": one_per_class, "cm": class_major, "1c": one_class}


def _plan(batches: Iterable[list[tuple[int, int]]]) -> list[PlanItem]:
    items = (torch.tensor(pairs, dtype=torch.int64) for pairs in batches)
    return [PlanItem(index, pairs[:, 0], pairs[:, 1]) for index, pairs in enumerate(items)]
