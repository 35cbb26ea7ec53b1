"""Parquet with the pictures in it, as the Hugging Face hub shows and `datasets` loads it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

from rd3.base.errors import MissingExtraError
from rd3.base.files import new_directory
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import EXPORTERS, Exporter, Writing
from rd3.synthetic.png import png_files
from rd3.synthetic.sidecar import SIDECAR, sidecar_of

FILE = "train-00000-of-00001.parquet"
ROWS = 1000  # pictures that are held at a time, and that a reader takes at a time


def write(synthetic: Synthetic, path: Path, writing: Writing) -> list[str]:
    pa, pq = _pyarrow()
    schema = _schema(pa, synthetic)
    labels, pictures = synthetic.labels.tolist(), png_files(synthetic.images)
    soft = None if synthetic.soft_labels is None else synthetic.soft_labels.detach().cpu().float()
    with new_directory(path) as new:
        with pq.ParquetWriter(new / FILE, schema) as file:
            for first in range(0, len(labels), ROWS):
                part = slice(first, first + ROWS)
                encoded = [{"bytes": picture, "path": None} for picture in islice(pictures, ROWS)]
                columns: dict[str, Any] = {"image": encoded, "label": labels[part]}
                if soft is not None:
                    columns["soft_labels"] = list(soft[part].numpy())
                file.write_table(pa.table(columns, schema=schema))
        for name, content in {SIDECAR: sidecar_of(synthetic, "parquet").text.encode(), **writing.beside}.items():
            (new / name).write_bytes(content)
    decode, rate = synthetic.manifest.decode, synthetic.learned_lr
    notes = [] if decode is None else [f"every image is a mosaic of {decode.parts}: said in {SIDECAR} and the card"]
    return [*notes, *([] if rate is None else [f"learned_lr = {rate:g}: said in {SIDECAR} and the card"])]


def features(synthetic: Synthetic) -> dict[str, Any]:
    """The columns in the words of `datasets`, old and new releases of which read these."""
    found: dict[str, Any] = {
        "image": {"_type": "Image"},
        "label": {"names": list(synthetic.classes), "_type": "ClassLabel"},
    }
    if synthetic.soft_labels is not None:
        found["soft_labels"] = {"feature": {"dtype": "float32", "_type": "Value"}, "_type": "Sequence"}
    return found


def _schema(pa: Any, synthetic: Synthetic) -> Any:
    columns = [("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])), ("label", pa.int64())]
    if synthetic.soft_labels is not None:
        columns.append(("soft_labels", pa.list_(pa.float32())))
    return pa.schema(columns, metadata={"huggingface": json.dumps({"info": {"features": features(synthetic)}})})


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("parquet") from None
    return pyarrow, pyarrow.parquet


EXPORTERS.add("parquet")(
    Exporter("Parquet with the pictures in it, and a card for the Hugging Face hub", write, bytes_only=True, card=True)
)
