"""What zip archives hold, whatever a damaged one makes of its directory."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rd3.base.errors import UserError

HEAD = b"PK\x03\x04"
DAMAGED = (
    *(OSError, EOFError, ValueError, KeyError, RuntimeError, NotImplementedError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


def is_zip(path: Path) -> bool:
    """Whether a file starts as an archive does; seen in its first bytes, so a cut-off one is still recognised."""
    with path.open("rb") as file:
        return file.read(len(HEAD)) == HEAD


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive to read from, for the time of the block.

    Raises:
        UserError: it is damaged, also where the block finds that out.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except UserError:
        raise
    except DAMAGED as error:
        text = " ".join(str(error).split())[:100]
        raise UserError(f"the archive is damaged or cut off ({text})") from None


def entries_of(path: Path) -> list[zipfile.ZipInfo]:
    """The directory of an archive.

    Raises:
        UserError: it is damaged.
    """
    with opened(path) as archive:
        return archive.infolist()
