"""`hf:NAME`: data sets of the Hugging Face Hub, or a folder that its library `datasets` reads or has saved.

What has to be said besides stands behind a question mark, as in an address: `hf:cifar100?label=fine_label`. Code that a
data set brings is not run.
"""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

from rd3.base.errors import MissingExtraError, UserError, suggestion
from rd3.data.hub import HubReader
from rd3.data.source import SOURCES, Place, Source

USAGE = "hf:NAME[?image=COLUMN&label=COLUMN]"
KEYS = tuple(field.name for field in fields(HubReader) if field.name != "name")


def _place(text: str, _download: bool) -> Place:
    name, _, query = text.partition("?")
    reader = HubReader(name, **_keys(text, query))
    folder = Path(name).expanduser().absolute()
    if folder.is_dir():
        return Place(folder, reader)
    if folder.exists() or name.startswith((".", "/", "~")):
        what = "is a file" if folder.exists() else "is not there"
        raise UserError(f"hf:{name}: {folder} {what}; expected a folder, or a name on the hub")
    library = find_spec("datasets")
    if library is None or library.origin is None:
        raise MissingExtraError("parquet")
    return Place(Path(library.origin), reader)  # what is on the hub has no file whose change could be seen


def _keys(text: str, query: str) -> dict[str, str]:
    """The words behind the question mark.

    Raises:
        UserError: one is not KEY=VALUE, or its key is unknown.
    """
    found = {}
    for word in filter(None, query.split("&")):
        key, equals, value = word.partition("=")
        if key not in KEYS or not equals or not value:
            hint = suggestion(key, KEYS) if key not in KEYS else ""
            raise UserError(
                f"hf:{text}: '{word}' is not KEY=VALUE with a known key{hint or '.'} Known: {', '.join(KEYS)}"
            )
        found[key] = value
    return found


SOURCES.add("hf")(
    Source(
        "of the Hugging Face Hub, or a folder as its library reads it; needs the extra parquet",
        _place,
        usage=USAGE,
    )
)
