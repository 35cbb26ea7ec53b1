"""Files of torch.save and of pickle, read without running anything that is in them.

A pickle can call any function. Files of `torch.save` are therefore read with `weights_only=True`, which knows tensors
and plain containers; what lists of accuracies need besides is NumPy's scalars, and for index lists its arrays. Plain
pickles go through an unpickler that knows tensors alone. There is no way to read the rest.
"""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.zips import entries_of, is_zip
from rd3.synthetic.pixels import Array

Container = Literal["torch", "pickle"]

LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the pickled magic number of files before torch 1.6
TYPES = ("Float16", "Float32", "Float64", "Int32", "Int64", "UInt8", "Bool")


def _under_both_names(example: Any) -> list[tuple[Any, str]]:
    """What NumPy makes such a thing of when it is unpickled, as NumPy 1 and NumPy 2 call it."""
    make = example.__reduce__()[0]
    return [(make, f"numpy.{core}.multiarray.{make.__name__}") for core in ("core", "_core")]


SCALARS: list[Any] = [
    *_under_both_names(np.float64(0)),
    np.dtype,
    *(getattr(np.dtypes, f"{name}DType") for name in TYPES),
]
ARRAYS: list[Any] = [*_under_both_names(np.zeros(0)), np.ndarray]


class UnreadableError(UserError):
    """A file of torch.save or pickle that is damaged, or holds what is never loaded."""


def container_of(path: Path) -> Container | None:
    """What a file is by its first bytes."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(256)
    if head.startswith(b"PK\x03\x04"):
        name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return "torch" if name.endswith((b"/data.pkl", b"/.format_version", b"/byteorder")) else None
    if head.startswith(LEGACY_TORCH):
        return "torch"
    return "pickle" if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05") else None


def content_of(path: Path) -> Any:
    """What a file of torch.save, or a pickle of tensors, holds, on the CPU.

    Raises:
        UnreadableError: it is damaged, or holds something that is never loaded.
    """
    stat = path.stat()
    return _content(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=2)  # to know a format one must look inside
def _content(path: Path, _modified: int, _size: int) -> Any:
    if container_of(path) == "pickle":
        return _loaded(lambda: _unpickled(path))
    if is_zip(path):
        _require_uncompressed(path)
    try:
        return _loaded(lambda: _torch_load(path, SCALARS))
    except UnreadableError:
        found = _loaded(lambda: _torch_load(path, SCALARS + ARRAYS))
    if isinstance(found, dict) and "subset" in found:
        return found
    raise UnreadableError("holds NumPy arrays among its objects, which rd3 loads from lists of indices only")


def _require_uncompressed(path: Path) -> None:
    """torch.save never compresses; a small file must not grow to a large one."""
    try:
        entries = entries_of(path)
    except UserError as error:
        raise UnreadableError(str(error).removeprefix("the archive ")) from None
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise UnreadableError("is compressed, which no file of torch.save is")


def _torch_load(path: Path, allowed: list[Any]) -> Any:
    with torch.serialization.safe_globals(allowed):
        return torch.load(path, map_location="cpu", weights_only=True)


def _loaded(load: Callable[[], Any]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of odd pickles before it refuses them
            return load()
    except UserError:
        raise
    except Exception as error:  # a damaged file raises a dozen kinds, AssertionError and struct.error among them
        text = " ".join(str(error).split())
        if "nsupported" in text and ("global" in text.lower() or "class" in text.lower() or "operand" in text.lower()):
            raise UnreadableError(f"holds Python objects that rd3 never loads{_named(text)}") from None
        raise UnreadableError(f"is damaged or cut off, or no data set ({type(error).__name__})") from None


def _named(text: str) -> str:
    _, found, rest = text.partition("GLOBAL ")
    return f" ({rest.split()[0]})" if found and rest else ""


class _TensorsOnly(pickle.Unpickler):
    """Knows what a pickled tensor is made of, and nothing else."""

    KNOWN: dict[tuple[str, str], Any] = {  # noqa: RUF012
        ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
        ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
        ("collections", "OrderedDict"): OrderedDict,
        ("torch.storage", "_load_from_bytes"): lambda data: torch.load(
            io.BytesIO(data), map_location="cpu", weights_only=True
        ),
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise UnreadableError(f"holds Python objects that rd3 never loads ({module}.{name})")
        return self.KNOWN[module, name]

    def persistent_load(self, _: Any) -> Any:
        raise UnreadableError("refers to objects outside of it")


def _unpickled(path: Path) -> Any:
    with path.open("rb") as file:
        return _TensorsOnly(file).load()


def is_tensor(value: Any, *, dimensions: int | None = None) -> bool:
    """Whether it is a tensor, of so many dimensions."""
    return isinstance(value, Tensor) and (dimensions is None or value.ndim == dimensions)


def as_array(value: Any, what: str) -> Array:
    """A dense tensor's values.

    Raises:
        UserError: it is no tensor, or claims more values than the file holds.
    """
    if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized or value.is_meta:
        raise UserError(f"{what}: expected a tensor, got {type(value).__name__}")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise UserError(f"{what}: shape {tuple(value.shape)} claims more values than the file holds")
    value = value.detach()
    array: Array = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return array
