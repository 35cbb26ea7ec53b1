"""A zip archive in a temporary folder, where everything in it is an ordinary file below that folder."""

from __future__ import annotations

import shutil
import stat
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath, PureWindowsPath

from rd3.base.errors import UserError
from rd3.base.zips import opened

GROWTH, LEAST = 20, 2**26  # pictures and tensors hardly compress: what grows by more, and to more bytes, is a bomb
MOST_FILES = 2_000_000  # ImageNet-1K with 1,000 images a class has half of that


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The folder in which the files of an archive lie, for the time of the block.

    Raises:
        UserError: it is damaged, or an entry points outside, is a link, or claims more than it can hold.
    """
    with tempfile.TemporaryDirectory(prefix="rd3-") as place:
        folder = Path(place)
        with opened(path) as archive:
            entries = _checked(archive, path.stat().st_size)
            _require_room(folder, entries)
            for entry in entries:
                archive.extract(entry, folder)
        yield folder


def _checked(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """The files in an archive of `size` bytes."""
    entries = archive.infolist()
    if len(entries) > MOST_FILES:
        raise UserError(f"has {len(entries)} entries, more than {MOST_FILES}")
    for entry in entries:
        _require_harmless(entry)
    files = [entry for entry in entries if not entry.is_dir()]
    claimed = sum(entry.file_size for entry in files)
    if claimed > max(LEAST, GROWTH * size):
        raise UserError(f"claims {claimed} bytes in {size}: pictures and tensors do not compress like that")
    twin, count = Counter(entry.filename for entry in files).most_common(1)[0] if files else ("", 0)
    if count > 1:
        raise UserError(f"has two entries '{twin}'")
    return files


def _require_harmless(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    parts = {*PurePosixPath(name).parts, *PureWindowsPath(name).parts}
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or PureWindowsPath(name).root
    if absolute or ".." in parts or "\\" in name or "\0" in name:
        raise UserError(f"entry {name!r:.80} points outside of the archive's own folder, or has no plain name")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise UserError(f"entry '{name}' is a link or a device, no file")
    if entry.flag_bits & 1:
        raise UserError(f"entry '{name}' is encrypted")


def _require_room(folder: Path, entries: list[zipfile.ZipInfo]) -> None:
    needed, free = sum(entry.file_size for entry in entries), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"needs {needed} bytes in {folder.parent}, which has {free} left; set TMPDIR to a larger place")
