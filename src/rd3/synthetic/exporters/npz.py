"""One NumPy archive: images, labels, soft labels with their form, class names, learned rate. Loses nothing."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from rd3.base.files import write_atomic
from rd3.data.spaces import NO_WAY_BACK
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import EXPORTERS, Exporter, Writing
from rd3.synthetic.formats.npz import SAID
from rd3.synthetic.sidecar import sidecar_of


def write(synthetic: Synthetic, path: Path, _writing: Writing) -> list[str]:
    space = synthetic.manifest.space if synthetic.manifest.space in NO_WAY_BACK else "raw01"
    floats = synthetic.images.is_floating_point()
    arrays: dict[str, Any] = {
        "images": synthetic.images.cpu().numpy(),
        "labels": synthetic.labels.cpu().numpy(),
        "classes": np.array(synthetic.classes),
        SAID: np.array(sidecar_of(synthetic, "npz", space=space if floats else None).text),
    }
    if synthetic.soft_labels is not None:
        arrays["soft_labels"] = synthetic.soft_labels.detach().cpu().float().numpy()
    if floats:
        arrays["pixels"] = np.array("unit" if space == "raw01" else space)
    if synthetic.manifest.soft_label_form is not None:
        arrays["soft_label_form"] = np.array(synthetic.manifest.soft_label_form)
    if synthetic.learned_lr is not None:
        arrays["learned_lr"] = np.float64(synthetic.learned_lr)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomic(path, buffer.getvalue())
    decode = synthetic.manifest.decode
    return [] if decode is None else [f"every image is a mosaic of {decode.parts}: said in its member '{SAID}' alone"]


EXPORTERS.add("npz")(Exporter("NumPy archive: images, labels, soft_labels, classes, learned_lr", write))
