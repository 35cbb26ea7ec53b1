"""Statistics of targets inside teachers as entries of the store: one pass over a target serves every process."""

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

    Args:
        meter: is charged with what an entry cost when it was made: a synthesis costs the same, whoever was first.
    """

    kind: ClassVar[str] = "statistics"

    def __init__(self, store: Store, meter: Meter) -> None:
        self._store, self._meter = store, meter

    def load(self, facts: Mapping[str, Any]) -> dict[str, Tensor] | None:
        fingerprint = fingerprint_of(self.kind, facts)
        if not self._store.has(self.kind, fingerprint):
            return None
        folder = self._store.path(self.kind, fingerprint)
        self._meter.charge(float(json.loads((folder / COST).read_text())["seconds"]))
        return load_file(folder / TENSORS)

    def save(self, facts: Mapping[str, Any], tensors: Tensors, *, seconds: float) -> None:
        def write(folder: Path) -> None:
            own = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
            with os_errors(folder / TENSORS):
                save_file(own, folder / TENSORS)
            (folder / COST).write_text(json.dumps({"seconds": seconds}))

        self._store.put(self.kind, fingerprint_of(self.kind, facts), dict(facts), write)
