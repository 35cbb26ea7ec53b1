"""Files below a folder, links followed."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def files_below(folder: Path, _above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Path]:
    """Every file in `folder` and its subfolders in order of their names; hidden ones are left out.

    Links are followed, also to outside of `folder`; one that leads back to a folder above it ends there. A link to
    nothing counts as a file, so that whoever opens it says so.
    """
    own = folder.stat()
    above = _above | {(own.st_dev, own.st_ino)}
    with os.scandir(folder) as entries:
        visible = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    for entry in visible:
        if not entry.is_dir():
            yield folder / entry.name
            continue
        target = entry.stat()
        if (target.st_dev, target.st_ino) not in above:
            yield from files_below(folder / entry.name, above)


def stamp(path: Path) -> str:
    """Changes whenever a file at or below `path` is added, removed or written: by names, sizes and times."""
    digest = hashlib.sha256()
    for file in files_below(path) if path.is_dir() else [path]:
        status = file.stat(follow_symlinks=file.exists())
        digest.update(f"{file.relative_to(path)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
