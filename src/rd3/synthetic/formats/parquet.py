"""Parquet files of encoded pictures with a class each, one file or a folder of shards, as hubs host data sets.

A column of structs {bytes, path} (or of bytes) holds PNG or JPEG files, a column of whole numbers the classes; names of
classes are taken from the schema's `huggingface` metadata where it has some. Paths in it are never followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rd3.base.errors import MissingExtraError, UserError
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.labelled import dataset_of, with_store
from rd3.synthetic.pictures import Encoded, shards, stack

MAGIC = b"PAR1"
SPLIT = re.compile(r"(train|test|val|validation|valid)\b")
IMAGES = ("image", "images", "img", "jpg", "png")
LABELS = ("label", "labels", "class_id", "class", "cls", "fine_label")
BATCH = 256  # rows that are decoded at once
GROWTH, LEAST = 20, 2**24  # encoded pictures hardly compress: what grows by more, and to more, is no set of them


@dataclass(frozen=True)
class Table:
    """What the files hold.

    Attributes:
        pictures: encoded, in the order of the files.
        labels: one each.
        classes: their names, None where the files have none.
        ignored: names of the other columns.
    """

    pictures: list[Encoded]
    labels: list[Any]
    classes: tuple[str, ...] | None
    ignored: list[str]


def matches(path: Path) -> bool:
    if path.is_dir():
        return bool(shards(path))
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def read(path: Path, request: Request) -> Synthetic:
    if request.pixels not in (None, "uint8"):
        raise UserError(f"pixels = {request.pixels}: pictures hold bytes and need no such reading")
    files, split = _files(path)
    table = _table(files)
    stacked = stack(table.pictures, request.target, request.fit)
    labels = _labels(table.labels)
    readings = {"pictures": ["bytes", f"encoded in {len(files)} parquet file{'s' * (len(files) > 1)}{split}"]}
    if stacked.size is not None:
        readings["size"] = stacked.size
    info: dict[str, Any] = {"ignored": table.ignored} if table.ignored else {}
    raw = Raw(
        stacked.pixels, labels, classes=table.classes if request.classes is None else None, info=info, readings=readings
    )
    dataset = dataset_of(labels, np.arange(len(labels)), stacked.pixels, replace(request, classes=None))
    return assemble(with_store(raw, dataset, request), _with_classes(request, table.classes), origin="parquet")


def _with_classes(request: Request, classes: tuple[str, ...] | None) -> Request:
    """Names in the file that are the target's in another order say what its labels are, unless the caller does."""
    target = request.target
    if target is None or request.classes is not None or classes in (None, target.classes):
        return request
    return replace(request, classes=classes) if sorted(classes or ()) == sorted(target.classes) else request


def _files(path: Path) -> tuple[list[Path], str]:
    """The files of the training split, and a word on it; all where none is named after a split."""
    if path.is_file():
        return [path], ""
    found = shards(path)
    splits = {file: match[1] if (match := SPLIT.match(file.name)) else "" for file in found}
    if set(splits.values()) == {""}:
        return found, ""
    train = [file for file, split in splits.items() if split == "train"]
    if not train:
        raise UserError(f"holds {found[0].name} and no train*.parquet; name the file")
    return train, ", split train"


def _table(files: Sequence[Path]) -> Table:
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError:
        raise MissingExtraError("parquet") from None
    parts = [_part(file) for file in files]
    first = parts[0]
    if any(part.classes != first.classes for part in parts):
        raise UserError("its files disagree on the names of the classes")
    pictures = [picture for part in parts for picture in part.pictures]
    if not pictures:
        raise UserError("holds no row")
    return Table(pictures, [label for part in parts for label in part.labels], first.classes, first.ignored)


def _part(path: Path) -> Table:
    import pyarrow.parquet as parquet

    with _damage(path), parquet.ParquetFile(path) as file:
        columns = file.schema_arrow.names
        images, labels = _column(columns, IMAGES, "pictures"), _column(columns, LABELS, "classes")
        groups = (file.metadata.row_group(k) for k in range(file.metadata.num_row_groups))
        _require_size(sum(group.total_byte_size for group in groups), path)
        pictures, found, held = list[Encoded](), list[Any](), 0
        for batch in file.iter_batches(BATCH, columns=[images, labels]):
            start = len(pictures)
            contents = [
                _content(row, f"{path.name}: row {start + k}") for k, row in enumerate(batch.column(images).to_pylist())
            ]
            held += sum(map(len, contents))
            _require_size(held, path)  # again: equal rows are stored once
            pictures += [Encoded(f"{path.name}: row {start + k}", content) for k, content in enumerate(contents)]
            found += batch.column(labels).to_pylist()
        return Table(pictures, found, _names(file, labels), sorted(set(columns) - {images, labels}))


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except UserError:
        raise
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        text = " ".join(str(error).split())[:100]
        raise UserError(f"{path.name}: is damaged or cut off, or no parquet file ({text})") from None


def _require_size(claimed: int, path: Path) -> None:
    """Refuse a file that grows to many times its size."""
    if claimed > max(LEAST, GROWTH * path.stat().st_size):
        raise UserError(f"{path.name}: claims {claimed} bytes, many times the file's, which encoded pictures never are")


def _column(columns: Sequence[str], known: Sequence[str], what: str) -> str:
    found = [name for name in known if name in columns]
    if len(found) != 1:
        holds = f"holds columns {', '.join(columns[:10]) or 'of no name'}"
        raise UserError(f"{holds}; expected one of {', '.join(known)} for the {what}")
    return found[0]


def _content(row: Any, name: str) -> bytes:
    content = row.get("bytes") if isinstance(row, dict) else row
    if not isinstance(content, bytes):
        where = " but the path of a file, which is not followed" if isinstance(row, dict) and row.get("path") else ""
        raise UserError(f"{name}: holds no bytes of a picture{where}")
    return content


def _labels(values: list[Any]) -> np.ndarray[Any, np.dtype[np.int64]]:
    bad = next((k for k, value in enumerate(values) if type(value) is not int), None)
    if bad is not None:
        raise UserError(f"row {bad}: its class is {values[bad]!r:.40}; expected a whole number")
    try:
        return np.array(values, dtype=np.int64)
    except OverflowError:
        raise UserError("a class is too large a number") from None


def _names(file: Any, column: str) -> tuple[str, ...] | None:
    """Names of classes in the metadata that the `datasets` library writes."""
    try:
        metadata = json.loads((file.schema_arrow.metadata or {}).get(b"huggingface", b"null"))
        names = metadata["info"]["features"][column]["names"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    fits = isinstance(names, list) and bool(names) and all(isinstance(name, str) for name in names)
    return tuple(names) if fits and len(set(names)) == len(names) else None


FORMATS.add("parquet")(Format("parquet files of encoded pictures and classes", matches, read, pictures=True))
