"""NumPy archives: `images` or `x`, `labels` or `y`, optionally `soft_labels`, `learned_lr` and `classes`.

`soft_label_form`, a word such as `logits`, says what the soft labels are; `pixels` what float images are (`unit`, …).
KIP's archives (arXiv 2011.00050) have rows of centred labels in place of ids, and FRePo's (arXiv 2206.00719) besides
the names `image` and `label`; their pixels are whitened or normalised.

Members are read one by one in memory, nothing is extracted, and pickled objects are refused.
"""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np

from rd3.base.errors import UserError, unknown
from rd3.data.spaces import PixelSpace
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pixels import Array, kinds
from rd3.synthetic.soft_labels import SoftLabelForm
from rd3.training.losses import frepo_scale

NAMES = {"images": ("images", "x", "image"), "labels": ("labels", "y", "label")}
SAID = "rd3"
OPTIONAL = ("soft_labels", "soft_label_form", "learned_lr", "classes", "pixels", SAID)
KIP: tuple[PixelSpace, ...] = ("zca_kip", "norm_true")
FREPO: tuple[PixelSpace, ...] = ("zca_frepo", "norm_true")
DAMAGED = (OSError, EOFError, ValueError, KeyError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error)


def matches(path: Path) -> bool:
    """A zip whose first member is an array: seen in its first bytes, so a cut-off file is still recognised."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        head = file.read(30)
        name = file.read(int.from_bytes(head[26:28], "little"))
    return head.startswith(b"PK\x03\x04") and name.endswith(b".npy")


def read(path: Path, request: Request) -> Synthetic:
    arrays = _arrays(path)
    keys = {role: _key(arrays, names) for role, names in NAMES.items()}
    ignored = sorted(arrays.keys() - set(keys.values()) - set(OPTIONAL))
    labels = arrays[keys["labels"]]
    regressed = labels.ndim == 2 and labels.dtype.kind == "f" and "soft_labels" not in arrays
    frepo = keys["images"] == "image"
    raw = Raw(
        pixels=arrays[keys["images"]],
        labels=_unscaled(labels) if regressed and frepo else labels,
        soft_labels=arrays.get("soft_labels"),
        soft_label_form="centred" if regressed else _word(arrays, "soft_label_form", get_args(SoftLabelForm)),
        spaces=(FREPO if frepo else KIP) if regressed else (),
        learned_lr=_learned_lr(arrays.get("learned_lr")),
        classes=_classes(arrays.get("classes")),
        info={"ignored": ignored} if ignored else {},
    )
    said = _word(arrays, "pixels", kinds())
    return assemble(raw, replace(request, pixels=request.pixels or said), origin="npz")


def _unscaled(labels: Array) -> Array:
    """FRePo divides centred one-hot rows by sqrt(classes / 10)."""
    unscaled: Array = labels * labels.dtype.type(frepo_scale(labels.shape[1]))
    return unscaled


def _arrays(path: Path) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    name = "its list of members"
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in archive.files:
                arrays[name] = archive[name]
    except DAMAGED as error:
        if isinstance(error, ValueError) and "allow_pickle" in str(error):
            raise UserError(f"{name}: holds pickled Python objects, which rd3 never loads") from None
        raise UserError(f"{name}: the file is damaged or cut off ({' '.join(str(error).split())})") from None
    odd = [name for name, value in arrays.items() if not isinstance(value, np.ndarray)]
    if odd:
        raise UserError(f"{odd[0]}: is no array")
    return arrays


def _key(arrays: dict[str, Array], names: tuple[str, ...]) -> str:
    found = [name for name in names if name in arrays]
    if len(found) == 1:
        return found[0]
    wanted = " or ".join(f"'{name}'" for name in names)
    have = ", ".join(sorted(arrays)) or "nothing"
    raise UserError(f"holds {have}; expected {'only one of' if found else 'an array'} {wanted}")


def _learned_lr(value: Array | None) -> float | None:
    if value is None:
        return None
    if value.size != 1 or value.dtype.kind != "f":
        raise UserError(f"learned_lr: expected one float, got {value.dtype} of shape {value.shape}")
    return float(value.reshape(-1)[0])


def _word(arrays: dict[str, Array], name: str, allowed: tuple[str, ...]) -> Any:
    """The one word under a name, or None."""
    value = arrays.get(name)
    if value is None:
        return None
    text = str(value.reshape(-1)[0]) if value.size == 1 else f"{value.size} values"
    if text not in allowed:
        raise unknown(name, text, allowed)
    return text


def _classes(value: Array | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if value.ndim != 1 or value.dtype.kind != "U":
        raise UserError(f"classes: expected a list of names, got {value.dtype} of shape {value.shape}")
    return tuple(value.tolist())


def said(path: Path) -> str | None:
    """What rd3 wrote into its own archives."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return str(archive[SAID][()]) if SAID in archive.files else None
    except DAMAGED:
        return None  # whoever reads the rest says what is wrong


FORMATS.add("npz")(Format("NumPy archive with images or x, labels or y", matches, read, said=said))
