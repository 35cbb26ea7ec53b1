"""NumPy archives: `images` or `x`, `labels` or `y`, optionally `soft_labels`, `learned_lr` and `classes`.

`soft_label_form`, the word `logits` or `probabilities`, says what the soft labels are.

Members are read one by one in memory, nothing is extracted, and pickled objects are refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from rd3.base.errors import UserError, unknown
from rd3.base.files import write_atomic
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pixels import Array
from rd3.synthetic.soft_labels import SoftLabelForm

NAMES = {"images": ("images", "x"), "labels": ("labels", "y")}
OPTIONAL = ("soft_labels", "soft_label_form", "learned_lr", "classes")
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
    raw = Raw(
        pixels=arrays[keys["images"]],
        labels=arrays[keys["labels"]],
        soft_labels=arrays.get("soft_labels"),
        soft_label_form=_form(arrays.get("soft_label_form")),
        learned_lr=_learned_lr(arrays.get("learned_lr")),
        classes=_classes(arrays.get("classes")),
        info={"ignored": ignored} if ignored else {},
    )
    return assemble(raw, request, origin="npz")


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


def _form(value: Array | None) -> SoftLabelForm | None:
    if value is None:
        return None
    text = str(value.reshape(-1)[0]) if value.size == 1 else f"{value.size} values"
    if text not in get_args(SoftLabelForm):
        raise unknown("soft_label_form", text, get_args(SoftLabelForm))
    return cast(SoftLabelForm, text)


def _classes(value: Array | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if value.ndim != 1 or value.dtype.kind != "U":
        raise UserError(f"classes: expected a list of names, got {value.dtype} of shape {value.shape}")
    return tuple(value.tolist())


def write(synthetic: Synthetic, path: Path) -> list[str]:
    arrays: dict[str, Any] = {
        "images": synthetic.images.cpu().numpy(),
        "labels": synthetic.labels.cpu().numpy(),
        "classes": np.array(synthetic.classes),
    }
    if synthetic.soft_labels is not None:
        arrays["soft_labels"] = synthetic.soft_labels.detach().cpu().float().numpy()
    if synthetic.manifest.soft_label_form is not None:
        arrays["soft_label_form"] = np.array(synthetic.manifest.soft_label_form)
    if synthetic.learned_lr is not None:
        arrays["learned_lr"] = np.float64(synthetic.learned_lr)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    write_atomic(path, buffer.getvalue())
    return []


FORMATS.add("npz")(Format("NumPy archive with images or x, labels or y", matches, read, write))
