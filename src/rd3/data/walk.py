"""Files below a folder, links followed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def files_below(
    folder: str | Path, _inside: str = "", _above: frozenset[tuple[int, int]] = frozenset()
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every file in `folder` and its subfolders in order of their names; hidden ones are left out.

    Links are followed, also to outside of `folder`; one that leads back to a folder above it ends there. A link to
    nothing counts as a file, so that whoever opens it says so.

    Yields:
        The place relative to `folder`, with forward slashes, and the entry. Not paths: there may be a million.
    """
    own = Path(folder).stat()
    above = _above | {(own.st_dev, own.st_ino)}
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in visible:
        if not entry.is_dir():
            yield _inside + entry.name, entry
            continue
        target = entry.stat()
        if (target.st_dev, target.st_ino) not in above:
            yield from files_below(entry.path, f"{_inside}{entry.name}/", above)


def stamp(path: Path) -> str:
    """Changes whenever a file at or below `path` is added, removed or written: by names, sizes and times."""
    if not path.is_dir():
        return _state("", path.stat())
    digest = hashlib.sha256()
    for name, entry in files_below(path):
        dangling = entry.is_symlink() and not Path(entry.path).exists()
        digest.update(_state(name, entry.stat(follow_symlinks=not dangling)).encode())
    return digest.hexdigest()


def _state(name: str, status: os.stat_result) -> str:
    return f"{name}\0{status.st_size}\0{status.st_mtime_ns}\0"
