"""What a recovery is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rd3.data.target import Target
from rd3.squeeze.teacher import Teacher


@dataclass(frozen=True)
class Problem:
    """Images of a target under teachers.

    Attributes:
        teachers: at least one; pixels are optimised in the normalisation of the first.
        ipc: images per class.
        seed: of everything that is drawn.
    """

    target: Target
    teachers: tuple[Teacher, ...]
    ipc: int
    seed: int
    device: torch.device

    @property
    def teacher(self) -> Teacher:
        return self.teachers[0]
