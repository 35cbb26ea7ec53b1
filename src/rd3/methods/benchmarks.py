"""Which of the papers' settings a target gets: by its size, and by its name where they differ within one."""

from __future__ import annotations

from typing import Literal

from rd3.data.target import Target

Family = Literal["imagenet-21k", "imagenet", "tiny", "cifar"]


def family(target: Target) -> Family:
    """`imagenet` from 128 px on, `tiny` above 32 px, `cifar` up to 32 px; `imagenet-21k` by its number of classes.

    Small grey sets are in no paper: they get CIFAR's settings (inferred).
    """
    if target.size >= 128:
        return "imagenet-21k" if target.num_classes > 10_000 else "imagenet"
    return "tiny" if target.size > 32 else "cifar"


def usual_roll(target: Target) -> int:
    """32 pixels at ImageNet's size and 4 below; below 32 px in proportion to the side (inferred)."""
    if target.size >= 128:
        return 32
    return 4 if target.size > 32 else target.size // 8


Column = Literal["cifar10", "cifar100", "tiny", "imagenet"]


def column(target: Target) -> Column:
    """Which column of the matching papers' tables a target gets, by its size and number of classes."""
    if target.size > 32:
        return "tiny" if target.size < 128 else "imagenet"
    return "cifar100" if target.num_classes >= 100 else "cifar10"


def listed_ipc(ipc: int, listed: tuple[int, ...] = (1, 10, 50)) -> int:
    """The IPC of a table that stands for another one: the next larger, or the largest (inferred).

    >>> listed_ipc(1), listed_ipc(5), listed_ipc(200)
    (1, 10, 50)
    """
    return next((row for row in listed if ipc <= row), listed[-1])
