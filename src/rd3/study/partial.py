"""Unfinished work in the store: `$RD3_HOME/store/partial/<kind>-<fingerprint>-<environment>/<part>.safetensors`.

A part is written whole or not at all and carries the hash of its tensors. Work goes on only from parts that the same
versions of rd3 and torch made on the same kind of device under teachers of the same weights (one that was squeezed anew
has the fingerprint of the first), so that the bits are those of work that was never ended.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

import rd3
from rd3.base.files import write_atomic
from rd3.base.keep import Place, Tensors
from rd3.base.spec import canonical_json, fingerprint_of
from rd3.squeeze.state_dict import content_hash
from rd3.study.jobs.base import Job, JobKey
from rd3.study.meter import Meter
from rd3.study.store import ENTRY, Store
from rd3.training.device import kernels_of

PAUSE = 30.0  # seconds between two saves of a loop
UNREADABLE = (OSError, ValueError, KeyError, TypeError, SafetensorError)


class Partial:
    """A folder of parts; the interface of `rd3.base.keep.Keep`.

    Args:
        meter: goes on from what the kept parts cost, and is read whenever one is saved.
    """

    def __init__(self, folder: Path, meter: Meter | None = None) -> None:
        self._folder, self._meter = folder, meter
        self._last = time.monotonic()
        if meter is not None and (facts := self._latest()) is not None:
            meter.resume(facts["seconds"], facts["bytes"])

    @property
    def due(self) -> bool:
        return time.monotonic() - self._last >= PAUSE

    @property
    def place(self) -> Place | None:
        """How far the work was when the newest part was saved; None where nothing is kept."""
        facts = self._latest()
        return None if facts is None else Place(*facts["place"])

    def load(self, name: str) -> dict[str, Tensor] | None:
        found = _read(self._path(name))
        return None if found is None else found[0]

    def save(self, name: str, tensors: Tensors, place: Place) -> None:
        own = {key: value.detach().cpu().contiguous() for key, value in tensors.items()}
        seconds, grown = (self._meter.seconds, self._meter.bytes) if self._meter else (0.0, 0)
        facts = canonical_json({"place": place, "seconds": seconds, "bytes": grown})
        write_atomic(self._path(name), save(own, {"facts": facts, "sha256": _hash(own, facts)}))
        self._last = time.monotonic()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _latest(self) -> dict[str, Any] | None:
        """What is said of the newest part that is whole."""
        parts = (_read(path) for path in sorted(self._folder.glob("*.safetensors"), key=_written, reverse=True))
        return next((part[1] for part in parts if part is not None), None)


def partial_of(store: Store, job: Job, device: torch.device, meter: Meter | None = None) -> Partial:
    """Where the parts of a job are; what it needs is in the store."""
    needed = [_tensors_of(store, need) for need in job.needs]
    environment = fingerprint_of("environment", [rd3.__version__, torch.__version__, kernels_of(device), needed])
    return Partial(_place(store, job.key, environment[:8]), meter)


def discard(store: Store, key: JobKey) -> None:
    """Take away all parts of a job, of whatever environment."""
    for folder in _folders(store, key):
        shutil.rmtree(folder, ignore_errors=True)


def discard_finished(store: Store, jobs: Iterable[Job]) -> None:
    """Take away the parts of jobs that are done: a process may be killed between the two."""
    for job in jobs:
        if _folders(store, job.key) and store.has(job.kind, job.fingerprint):
            discard(store, job.key)


def _folders(store: Store, key: JobKey) -> list[Path]:
    return list((store.root / "partial").glob(_place(store, key, "*").name))


def _tensors_of(store: Store, key: JobKey) -> dict[str, str]:
    """The hashes of an entry's tensors, by file; none where it is not there."""
    try:
        hashes = json.loads((store.path(key.kind, key.fingerprint) / ENTRY).read_text())["files"]
    except UNREADABLE:
        return {}
    return {name: value for name, value in hashes.items() if name.endswith(".safetensors")}


def _place(store: Store, key: JobKey, environment: str) -> Path:
    return store.root / "partial" / f"{key.kind}-{key.fingerprint}-{environment}"


def _written(path: Path) -> int:
    """When, in nanoseconds; 0 for a part that its owner has taken away meanwhile."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors of a part and what is said of them; None where it is not whole."""
    try:
        with safe_open(path, "pt") as file:
            said = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        facts = json.loads(said["facts"])
        return (tensors, facts) if _hash(tensors, said["facts"]) == said["sha256"] else None
    except UNREADABLE:
        return None


def _hash(tensors: Mapping[str, Tensor], facts: str) -> str:
    return hashlib.sha256(f"{facts}{content_hash(tensors)}".encode()).hexdigest()
