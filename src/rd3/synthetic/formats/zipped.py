"""A zip archive of any other format: class folders as SRe2L, CDA and CUDD host them, files of NCFM.

It is unpacked into a temporary folder, and what lies in it is read as if it lay there; folders that hold nothing but
one thing are gone through. The archives that torch.save and NumPy write are formats of their own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rd3.base.errors import UserError
from rd3.base.zips import HEAD, entries_of
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exported import read_as_said
from rd3.synthetic.format import FORMATS, Format, Request, format_of, require_applicable
from rd3.synthetic.pickled import container_of
from rd3.synthetic.unpack import unpacked

EMPTY = b"PK\x05\x06"
SEVERAL = (".pt", ".pth", ".pkl")  # files that may hold several sets


def matches(path: Path) -> bool:
    if not path.is_file() or container_of(path) is not None:
        return False
    with path.open("rb") as file:
        head = file.read(30)
        name = file.read(int.from_bytes(head[26:28], "little"))
    return head[:4] in (HEAD, EMPTY) and not name.endswith(b".npy")


def read(path: Path, request: Request) -> Synthetic:
    with unpacked(path) as folder:
        inner = _inner(folder)
        format = _format(inner)
        require_applicable(format, request)
        found = read_as_said(inner, format, request, name=None if request.name == path.stem else request.name)
    if not found.manifest.origin.startswith("imported"):
        return found  # the set itself, as rd3 saved or exported it
    return replace(found, manifest=found.manifest.model_copy(update={"origin": f"{found.manifest.origin} in a zip"}))


def sets(path: Path) -> int:
    """Looks inside only where there is a file that may hold several."""
    if not any(entry.filename.lower().endswith(SEVERAL) for entry in entries_of(path)):
        return 1
    with unpacked(path) as folder:
        inner = _inner(folder)
        counted = _format(inner).sets
        return 1 if counted is None else counted(inner)


def _inner(folder: Path) -> Path:
    """The first place below that is a file, or a folder of several things."""
    while folder.is_dir():
        visible = [each for each in folder.iterdir() if not each.name.startswith((".", "__"))]
        if not visible:
            raise UserError("the archive holds no file")
        if len(visible) > 1:
            return folder
        folder = visible[0]
    return folder


def _format(inner: Path) -> Format:
    if matches(inner):
        raise UserError(f"the archive holds another one, {inner.name}; unpack it")
    try:
        return format_of(inner)
    except UserError as error:
        names = ", ".join(sorted(each.name for each in inner.iterdir())[:5]) if inner.is_dir() else inner.name
        raise UserError(f"the archive holds {names}: {error}") from None


FORMATS.add("zipped")(Format("zip archive of another format", matches, read, sets=sets, pictures=True))
