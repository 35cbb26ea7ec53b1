"""Where the time of a training went."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Clock:
    """Seconds spent on labels, on reports, and in all; label seconds are only known on the CPU.

    Attributes:
        labelled: pictures that were labelled online.
        not_captured: why steps that were to be captured were not, or None.
    """

    labels: float = 0.0
    reports: float = 0.0
    total: float = 0.0
    labelled: int = 0
    not_captured: str | None = None
    _start: float = field(default_factory=time.perf_counter)

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Add what is done inside of the block to `labels` or `reports`."""
        start = time.perf_counter()
        yield
        setattr(self, part, getattr(self, part) + time.perf_counter() - start)

    def stop(self) -> Clock:
        self.total = time.perf_counter() - self._start
        return self
