"""The file of the DC family, `torch.save({'data': [[images, labels]], …})`, with one set in it.

Its readers take normalised images and no soft labels (DC, arXiv 2006.05929).
"""

from __future__ import annotations

import io
from pathlib import Path

import torch

from rd3.base.files import write_atomic
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import EXPORTERS, Exporter, Writing
from rd3.synthetic.formats.condensed import SAID
from rd3.synthetic.sidecar import sidecar_of
from rd3.synthetic.stored_space import stored_pixels


def write(synthetic: Synthetic, path: Path, writing: Writing) -> list[str]:
    pixels, space, words = stored_pixels(synthetic, writing, {})
    said = sidecar_of(synthetic, "condensed", space=space).text
    buffer = io.BytesIO()
    torch.save({"data": [[pixels, synthetic.labels.cpu()]], "accs_all_exps": {}, SAID: said}, buffer)
    write_atomic(path, buffer.getvalue())
    return [words, *_notes(synthetic)]


def _notes(synthetic: Synthetic) -> list[str]:
    decode, rate = synthetic.manifest.decode, synthetic.learned_lr
    notes = [] if decode is None else [f"every image is a mosaic of {decode.parts}: said under '{SAID}' alone"]
    return [*notes, *([] if rate is None else [f"learned_lr = {rate:g}: said under '{SAID}' alone"])]


EXPORTERS.add("condensed")(
    Exporter(
        "torch file {'data': [[images, labels]]} of the DC family, normalised",
        write,
        spaces=True,
        class_major=True,
        soft_labels="none",
    )
)
