"""Wall-clock time of work on a device, and repetitions of several sides in turn."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import TypeVar

import torch

Found = TypeVar("Found")


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def synchronise(device: torch.device) -> None:
    """Wait for a GPU, whose work is done in the background."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """How long it takes, with everything that it left running on the device."""
    synchronise(device)
    begun = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - begun


def typical_seconds(work: Callable[[], object], device: torch.device, *, budget: float = 1.0, least: int = 3) -> float:
    """Median over repetitions that fill `budget` seconds, after one that is not counted."""
    first = seconds_of(work, device)
    count = max(least, int(budget / max(first, 1e-9)))
    return median(seconds_of(work, device) for _ in range(min(count, 1000)))


def in_turn(
    sides: Mapping[str, Callable[[int], Found]], repeats: int, *, note: Callable[[str], None] = say
) -> dict[str, list[Found]]:
    """Every side once in each repetition, A B A B …, so that whatever slows the machine slows all of them.

    Args:
        sides: by name; each is called with the number of the repetition.
    """
    found: dict[str, list[Found]] = {name: [] for name in sides}
    for repeat in range(repeats):
        for name, side in sides.items():
            note(f"repetition {repeat + 1} of {repeats}: {name}")
            found[name].append(side(repeat))
    return found
