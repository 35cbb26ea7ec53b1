"""What pieces of work share as entries of the store: statistics of targets inside teachers, training trajectories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from safetensors.torch import load_file, save_file
from torch import Tensor

from rd3.base.files import os_errors
from rd3.base.keep import Tensors
from rd3.base.spec import fingerprint_of
from rd3.study.meter import Meter
from rd3.study.store import Store

COST = "cost.json"
TENSORS = "statistics.safetensors"


class StatisticsShelf:
    """Entries of the kind `statistics`; the interface of `rd3.base.keep.Shelf`.

    An entry that is read again costs nothing.

    Args:
        meter: is charged with what an entry cost when it was made: a synthesis costs the same, whoever was first.
    """

    kind: ClassVar[str] = "statistics"

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store, self._meter = store, meter
        self._paid: set[str] = set()

    def load(self, facts: Mapping[str, Any]) -> dict[str, Tensor] | None:
        fingerprint = fingerprint_of(self.kind, facts)
        if not self._store.has(self.kind, fingerprint):
            return None
        folder = self._store.path(self.kind, fingerprint)
        if fingerprint not in self._paid:
            self._paid.add(fingerprint)
            self._meter.charge(float(json.loads((folder / COST).read_text())["seconds"]))
        return load_file(folder / TENSORS)

    def save(self, facts: Mapping[str, Any], tensors: Tensors, *, seconds: float) -> None:
        def write(folder: Path) -> None:
            own = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
            with os_errors(folder / TENSORS):
                save_file(own, folder / TENSORS)
            (folder / COST).write_text(json.dumps({"seconds": seconds}))

        fingerprint = fingerprint_of(self.kind, facts)
        self._paid.add(fingerprint)
        self._store.put(self.kind, fingerprint, dict(facts), write)


class TrajectoryShelf(StatisticsShelf):
    """Entries of the kind `trajectories`, one an expert."""

    kind: ClassVar[str] = "trajectories"
