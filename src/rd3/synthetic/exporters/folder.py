"""Class folders of lossless pictures, CLASS/000.png, as every tool with an image folder reads them.

Folders have the names of the classes where every reader that sorts them then finds the labels of the target; else they
are numbers of equal length.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from safetensors.torch import save_file

from rd3.base.files import new_directory, os_errors
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import unnamed
from rd3.synthetic.exporter import EXPORTERS, Exporter, Writing
from rd3.synthetic.png import png_files
from rd3.synthetic.sidecar import SIDECAR, sidecar_of
from rd3.synthetic.soft_labels import SOFT_LABELS

SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.,()-]{0,99}(?<![ .])", re.ASCII)
DIGITS = 3


def write(synthetic: Synthetic, path: Path, writing: Writing) -> list[str]:
    """Pictures are numbered within their class."""
    names = folder_names(synthetic.classes)
    counts: Counter[int] = Counter()
    width = max(DIGITS, len(str(int(synthetic.labels.bincount().max()) - 1)))
    with new_directory(path) as new:
        for name in names:
            (new / name).mkdir()
        for label, picture in zip(synthetic.labels.tolist(), png_files(synthetic.images), strict=True):
            (new / names[label] / f"{counts[label]:0{width}d}.png").write_bytes(picture)
            counts[label] += 1
        if synthetic.soft_labels is not None:
            with os_errors(path):
                save_file({"soft_labels": synthetic.soft_labels.detach().cpu().contiguous()}, new / SOFT_LABELS)
        files = {SIDECAR: sidecar_of(synthetic, "folder").text.encode(), **writing.beside}
        for name, content in files.items():
            (new / name).write_bytes(content)
    return _notes(synthetic, names)


def folder_names(classes: tuple[str, ...]) -> list[str]:
    """A folder for every class, by label.

    >>> folder_names(("cat", "dog")), folder_names(("dog", "cat")), folder_names(("0", "1"))
    (['cat', 'dog'], ['000', '001'], ['0', '1'])
    """
    safe = all(SAFE_NAME.fullmatch(name) for name in classes) and len({name.lower() for name in classes}) == len(
        classes
    )
    if safe and list(classes) == sorted(classes):
        return list(classes)
    return [f"{label:0{max(DIGITS, len(str(len(classes) - 1)))}d}" for label in range(len(classes))]


def _notes(synthetic: Synthetic, names: list[str]) -> list[str]:
    notes, manifest = list[str](), synthetic.manifest
    if names != list(synthetic.classes) and not unnamed(synthetic.classes):
        notes.append(f"class names: folders are numbers, which sort as the labels do; the names are in {SIDECAR}")
    if manifest.decode is not None:
        notes.append(f"every image is a mosaic of {manifest.decode.parts}: said in {SIDECAR} alone")
    if synthetic.soft_labels is not None:
        form = manifest.soft_label_form or "of no declared form"
        notes.append(f"soft labels ({form}): in {SOFT_LABELS} beside the pictures, class by class, which rd3 reads")
    if synthetic.learned_lr is not None:
        notes.append(f"learned_lr = {synthetic.learned_lr:g}: said in {SIDECAR} alone")
    return notes


EXPORTERS.add("folder")(
    Exporter("class folders of lossless pictures, CLASS/000.png", write, bytes_only=True, class_major=True, card=True)
)
