"""What a recovery is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from rd3.base.keep import NOWHERE, Keep, Shelf
from rd3.data.target import Target
from rd3.squeeze.teacher import Teacher


@dataclass(frozen=True)
class Problem:
    """Images of a target under teachers.

    Attributes:
        teachers: at least one; pixels are optimised in the normalisation of the first.
        ipc: images per class.
        seed: of everything that is drawn.
        keep, shelf: see `rd3.methods.base.Task`.
        refused: why passes of teachers could not be captured on a GPU; filled while images are made.
    """

    target: Target
    teachers: tuple[Teacher, ...]
    ipc: int
    seed: int
    device: torch.device
    keep: Keep = NOWHERE
    shelf: Shelf | None = None
    refused: list[str] = field(default_factory=list)

    @property
    def teacher(self) -> Teacher:
        return self.teachers[0]
