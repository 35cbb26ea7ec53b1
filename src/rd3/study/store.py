"""Finished work, by fingerprint: `$RD3_HOME/store/<kind>/<fingerprint>/`.

An entry appears whole (written to a temporary name, synced, renamed) and carries the hash of every file. Only an entry
that is complete and whose hashes match counts as done, so a killed job is simply not there.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from rd3.base.files import new_directory, sha256_of, try_lock

ENTRY = "entry.json"


def default_home() -> Path:
    """`$RD3_HOME`, or `runs` in the current folder."""
    return Path(os.environ.get("RD3_HOME") or "runs")


class Store:
    """A folder of finished work, shared by any number of processes."""

    def __init__(self, home: Path | None = None) -> None:
        self.home = home or default_home()
        self.root = self.home / "store"
        self._verified: set[tuple[str, str]] = set()

    def path(self, kind: str, fingerprint: str) -> Path:
        return self.root / kind / fingerprint

    def has(self, kind: str, fingerprint: str) -> bool:
        """Whether the work is done: its entry is complete and its hashes match. Checked once a process."""
        key = (kind, fingerprint)
        if key in self._verified and (self.path(*key) / ENTRY).is_file():
            return True
        if problem(self.path(*key)) is not None:
            return False
        self._verified.add(key)
        return True

    def put(self, kind: str, fingerprint: str, spec: Any, write: Callable[[Path], object]) -> Path:
        """Let `write` fill a folder and file it; a damaged entry of the same name makes way."""
        path = self.path(kind, fingerprint)
        if path.exists() and problem(path) is not None:
            shutil.rmtree(path)
        with new_directory(path) as folder:
            write(folder)
            hashes = {str(file.relative_to(folder)): sha256_of(file) for file in sorted(_files(folder))}
            entry = {"kind": kind, "fingerprint": fingerprint, "spec": spec, "files": hashes}
            (folder / ENTRY).write_text(json.dumps(entry, indent=1, sort_keys=True))
        return path

    def lock(self, kind: str, fingerprint: str) -> AbstractContextManager[bool]:
        """Claim a piece of work; yields False when another live process has it."""
        return try_lock(self.root / "locks" / f"{kind}-{fingerprint}")

    def entries(self) -> Iterator[Path]:
        """All entries, sorted."""
        yield from (entry.parent for entry in sorted(self.root.glob(f"*/*/{ENTRY}")))


def problem(path: Path) -> str | None:
    """What is wrong with a store entry, or None."""
    try:
        entry = json.loads((path / ENTRY).read_text())
        hashes = dict(entry["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{path / ENTRY}: missing or unreadable ({type(error).__name__})"
    for name, expected in hashes.items():
        file = path / name
        if not file.is_file():
            return f"{file}: missing"
        if sha256_of(file) != expected:
            return f"{file}: its content does not match its hash"
    return None


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.rglob("*") if file.is_file())
