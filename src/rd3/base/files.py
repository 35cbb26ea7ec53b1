"""Files that are either whole or not there, and locks that die with their process."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rd3.base.errors import UserError

RUST_ERROR = re.compile(r"\(os error (\d+)\)")
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_text(path: Path) -> str:
    """The text of a file that somebody wrote.

    Raises:
        UserError: it is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file (UTF-8)") from None


def read_json(path: Path) -> Any:
    """The value in a JSON file.

    Raises:
        UserError: there is no such file, or it is not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None


def write_atomic(path: Path, data: bytes | str) -> None:
    """Write a file so that a reader, or a kill, sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data.encode() if isinstance(data, str) else data)
        _sync(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A folder to fill; it appears as `path`, whole, when the block ends without an error.

    If another process finished the same folder first, its copy stays and ours goes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                _sync(file)
        try:
            temporary.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        _sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def os_errors(path: Path) -> Iterator[None]:
    """Turn what a library in Rust says of a failed write to `path`, `… (os error 28)`, into the OSError that it is."""
    try:
        yield
    except Exception as error:
        found = RUST_ERROR.search(str(error))
        if found is None or isinstance(error, OSError):
            raise
        number = int(found[1])
        raise OSError(number, os.strerror(number), str(path)) from error


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on `path` if nobody else does; yields whether we hold it.

    The kernel frees the lock when its process ends, however it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def out_of_space(error: OSError) -> UserError | None:
    """The one-line error for a full disk, or None if `error` is something else."""
    if error.errno not in NO_SPACE:
        return None
    place = f" while writing {error.filename}" if error.filename else ""
    return UserError(f"no space left on the disk{place}; finished work is kept, free some space and run it again")
