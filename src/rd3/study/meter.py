"""What a piece of work costs, over all attempts at it."""

from __future__ import annotations

import time

import torch

from rd3.training.device import memory_in_use, peak_memory, reset_peak_memory


class Meter:
    """Seconds and memory from its making on, and those of earlier attempts that the work goes on from."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        reset_peak_memory(device)
        self._in_use = memory_in_use(device)
        self._start = time.perf_counter()
        self._earlier_seconds, self._earlier_bytes = 0.0, 0
        self._charged = 0.0

    @property
    def seconds(self) -> float:
        """Wall-clock time; what an ended attempt did after its last save is not in it."""
        return self._earlier_seconds + self._charged + time.perf_counter() - self._start

    @property
    def bytes(self) -> int:
        """By how much memory has grown at most."""
        return max(self._earlier_bytes, peak_memory(self._device) - self._in_use)

    def resume(self, seconds: float, grown: int) -> None:
        """Add an earlier attempt."""
        self._earlier_seconds, self._earlier_bytes = seconds, grown

    def charge(self, seconds: float) -> None:
        """Add what a shared result cost when it was made; an earlier attempt has paid for it."""
        if not self._earlier_seconds:
            self._charged += seconds
