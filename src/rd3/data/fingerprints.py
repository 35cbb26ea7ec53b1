"""What makes two targets the same: their pixels, or where those stay on disk, their files."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rd3.base.files import sha256_of, write_atomic
from rd3.base.spec import canonical_json, fingerprint_of
from rd3.data.images import MemoryImages


def of_pixels(train: MemoryImages, test: MemoryImages) -> str:
    """20 hex digits over shape, pixels and labels of both splits; where they were read from does not matter."""
    digest = hashlib.sha256()
    for split in (train, test):
        digest.update(canonical_json(list(split.pixels.shape)).encode())
        digest.update(np.ascontiguousarray(split.pixels.cpu().numpy()).data)
        digest.update(split.labels.cpu().numpy().astype("<i8").data)
    return digest.hexdigest()[:20]


def of_files(root: Path, splits: Iterable[tuple[list[str], list[int]]], shape: tuple[int, int, int], how: str) -> str:
    """20 hex digits over every file's place below `root`, bytes and label, and how they are decoded.

    Args:
        root: folder of the data set.
        splits: for train and test the files relative to `root`, and their labels.
        shape: of the decoded pictures.
        how: says how they are resized.
    """
    entries = [sorted(zip(files, digests_of(root, files), labels, strict=True)) for files, labels in splits]
    return fingerprint_of("streamed target", [entries, list(shape), how])


def of_plugin(said: str, source: str) -> str:
    """20 hex digits over what a plug-in says of pixels that stay on disk, and its own source."""
    return fingerprint_of("plug-in target", [said, source])


def digests_of(root: Path, files: list[str]) -> list[str]:
    """SHA-256 of every file's bytes.

    Reading all of ImageNet takes minutes, so with `$RD3_HOME` set the digests are kept there and a file is only read
    again when its size or time has changed.
    """
    ledger = _ledger(root)
    known = _read_ledger(ledger)

    def digest(file: str) -> list[Any]:
        status = (root / file).stat()
        seen = [status.st_size, status.st_mtime_ns]
        old = known.get(file)
        return old if old and old[:2] == seen else [*seen, sha256_of(root / file)]

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        fresh = dict(zip(files, pool.map(digest, files), strict=True))
    if ledger and any(known.get(file) != entry for file, entry in fresh.items()):
        with suppress(OSError):  # it saves time only: a full disk is no reason to stop here
            write_atomic(ledger, json.dumps(known | fresh))
    return [fresh[file][2] for file in files]


def _ledger(root: Path) -> Path | None:
    home = os.environ.get("RD3_HOME")
    if not home:
        return None
    return Path(home) / "digests" / f"{fingerprint_of('folder', str(root.resolve()))}.json"


def _read_ledger(path: Path | None) -> dict[str, list[Any]]:
    if path is None or not path.is_file():
        return {}
    try:
        entries = json.loads(path.read_text())
    except ValueError:
        return {}
    return entries if isinstance(entries, dict) else {}
