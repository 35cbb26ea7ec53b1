"""RaT-BPTT (arXiv 2311.07025): pictures as flat rows, in HDF5 (`data`, optional `label`) or in a checkpoint (`.pth`).

Rows are (channel, row, column), class by class where there are no labels; learned labels are numbers from 0 of any sum.
Pictures are whitened as KIP's, or normalised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from rd3.base.errors import MissingExtraError, UserError
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import Raw, assemble
from rd3.synthetic.format import FORMATS, Format, Request
from rd3.synthetic.pickled import UnreadableError, as_array, container_of, content_of
from rd3.synthetic.pixels import Array
from rd3.synthetic.soft_labels import SoftLabelForm

HDF5 = b"\x89HDF\r\n\x1a\n"
WEIGHT = "module.data.weight"


def matches(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if file.read(len(HDF5)) == HDF5:
            return True
    return container_of(path) == "torch" and _is_checkpoint(path)


def _is_checkpoint(path: Path) -> bool:
    try:
        content = content_of(path)
    except UnreadableError:
        return False
    states = content.get("model_state_dict") if isinstance(content, dict) else None
    return isinstance(states, Mapping) and WEIGHT in states


def read(path: Path, request: Request) -> Synthetic:
    rows, labels, info = _from_checkpoint(path) if container_of(path) == "torch" else _from_hdf5(path)
    if rows.ndim != 2 or 0 in rows.shape:
        raise UserError(f"data: expected rows of pixels (N, C·H·W), got shape {rows.shape}")
    pixels = rows.reshape(len(rows), *_shape(rows.shape[1], request))
    if labels is None:
        labels = _class_by_class(len(rows), request)
    form: SoftLabelForm | None = "unnormalised" if labels.ndim == 2 else None
    raw = Raw(pixels, labels, soft_label_form=form, info=info, spaces=("zca_kip", "norm_dc"))
    return assemble(raw, request, origin="flat")


def _from_hdf5(path: Path) -> tuple[Array, Array | None, dict[str, Any]]:
    try:
        import h5py
    except ImportError:
        raise MissingExtraError("hdf5") from None
    try:
        with h5py.File(path, "r") as file:
            wanted = ("data", "label", "epoch")
            known = {name: file[name] for name in wanted if isinstance(file.get(name), h5py.Dataset)}
            if "data" not in known:
                raise UserError(f"holds {', '.join(sorted(file)) or 'nothing'}; expected a data set 'data'")
            for name, values in known.items():
                if values.nbytes > 1000 * max(values.id.get_storage_size(), 1000):
                    raise UserError(f"{name}: shape {values.shape} claims more values than the file holds")
            arrays = {name: np.asarray(values[()]) for name, values in known.items()}
    except UserError:
        raise
    except Exception as error:  # h5py raises OSError, RuntimeError, KeyError, ValueError of what is damaged
        raise UserError(f"the file is damaged or cut off ({' '.join(str(error).split())[:100]})") from None
    epoch = arrays.get("epoch")
    info = {"epoch": int(epoch.reshape(-1)[0])} if epoch is not None and epoch.size == 1 else {}
    return arrays["data"], arrays.get("label"), info


def _from_checkpoint(path: Path) -> tuple[Array, Array | None, dict[str, Any]]:
    content = content_of(path)
    labels = content.get("label_state_dict")
    rows = as_array(content["model_state_dict"][WEIGHT], WEIGHT)
    if not isinstance(labels, Mapping) or not labels:
        return rows, None, {}
    name = WEIGHT if WEIGHT in labels else next(iter(labels))
    return rows, as_array(labels[name], f"label_state_dict: {name}"), {}


def _shape(values: int, request: Request) -> tuple[int, int, int]:
    if request.target is not None:
        shape = request.target.train.shape
        if math.prod(shape) != values:
            raise UserError(f"data: rows of {values} values, but images of '{request.target.name}' are {shape}")
        return shape
    for channels in (3, 1):
        side = math.isqrt(values // channels)
        if channels * side * side == values:
            return channels, side, side
    raise UserError(f"data: rows of {values} values are no square pictures; give the target")


def _class_by_class(images: int, request: Request) -> Array:
    if request.target is None:
        raise UserError(
            "it has no labels, as images are stored class by class; give the target, which knows the classes"
        )
    classes = request.target.num_classes
    if images % classes:
        raise UserError(f"{images} images without labels are no equal number for each of {classes} classes")
    return np.arange(classes).repeat(images // classes)


FORMATS.add("flat")(Format("rows of pixels of RaT-BPTT, .h5 or .pth", matches, read))
