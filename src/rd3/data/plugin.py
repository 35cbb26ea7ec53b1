"""Targets that code elsewhere makes: `module:function` or `file.py:function`."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rd3.base.blame import plugins_blamed
from rd3.base.plugin import Plugin, load_plugin, source_notes
from rd3.data import fingerprints
from rd3.data.arrays import content_of
from rd3.data.images import MemoryImages
from rd3.data.npz import KEYS, content_of_arrays
from rd3.data.source import Content, Place, Published, Reading, Source
from rd3.data.target import Target

OPTIONAL = ("classes", "flip_keeps_class")
CONTRACT = f"function() -> rd3.Target, or ({', '.join(KEYS)}[, classes]), or a dict with these keys"


@dataclass(frozen=True)
class FunctionReader:
    """Calls a function and takes what it returns; `digest` is that of its source."""

    name: str
    digest: str

    @plugins_blamed()
    def __call__(self, _path: Path, reading: Reading) -> Content:
        plugin = _plugin(self.name)
        try:
            inspect.signature(plugin.value).bind()
        except TypeError as error:
            raise plugin.error(f"{error}; expected {CONTRACT}") from None
        found = plugin.value()
        if isinstance(found, Target):
            return _of_target(plugin, found, reading)
        arrays = _named(plugin, found)
        flip = arrays.pop("flip_keeps_class", None)
        if flip is not None and not isinstance(flip, bool):
            raise plugin.error(f"flip_keeps_class = {flip!r}; expected True or False")
        where = f"target plug-in '{self.name}'"
        content = content_of_arrays(where, {key: _array(value) for key, value in arrays.items()}, reading)
        return Content(content.train, content.test, content.classes, content.fingerprint, flip_keeps_class=flip)


def _place(name: str, _download: bool) -> Place:
    plugin = _plugin(name)
    reader = FunctionReader(name, plugin.source.digest)
    return Place(min(plugin.source.files), reader, tuple(source_notes({name: plugin.source.digest})))


FUNCTION = Source(
    "what your function returns; FILE.py:FUNCTION too (docs/bring-your-own.md)",
    _place,
    usage="MODULE:FUNCTION",
)


def _plugin(name: str) -> Plugin:
    return load_plugin("target", name, noun="function", expected=CONTRACT)


def _named(plugin: Plugin, found: Any) -> dict[str, Any]:
    """What a function returned, by the names that arrays have in an `.npz` file."""
    if isinstance(found, (tuple, list)):
        if not len(KEYS) <= len(found) <= len(KEYS) + 1:
            raise plugin.error(f"returned {len(found)} things; expected {CONTRACT}")
        return dict(zip((*KEYS, "classes"), found, strict=False))
    if not isinstance(found, Mapping):
        raise plugin.error(f"returned {type(found).__name__}; expected {CONTRACT}")
    wrong = [key for key in found if key not in (*KEYS, *OPTIONAL)]
    missing = [key for key in KEYS if key not in found]
    if wrong or missing:
        problem = f"unknown key '{wrong[0]}'" if wrong else f"key '{missing[0]}' is missing"
        raise plugin.error(f"returned a dict: {problem}; known: {', '.join((*KEYS, *OPTIONAL))}")
    return dict(found)


def _array(value: Any) -> NDArray[Any]:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else np.asarray(value)


def _of_target(plugin: Plugin, found: Target, reading: Reading) -> Content:
    """A target that the function made, with its statistics; those that were measured are measured again."""
    published = None
    if not found.statistics.startswith("measured"):
        published = Published(found.mean, found.std, found.statistics)
    content = _splits(plugin, found, reading.size)
    return Content(
        content.train, content.test, found.classes, content.fingerprint, found.notes, published, found.flip_keeps_class
    )


def _splits(plugin: Plugin, found: Target, size: int | None) -> Content:
    if isinstance(found.train, MemoryImages) and isinstance(found.test, MemoryImages):
        train, test = ((_bytes(plugin, split), split.labels.cpu().numpy()) for split in (found.train, found.test))
        return content_of(train, test, classes=found.classes, size=size)
    if size not in (None, found.size):
        raise plugin.error(f"returned images of {found.size} px that are not in memory; @{size} cannot resize them")
    _require_images(plugin, found)
    # who reads them from disk vouches for their pixels
    return Content(
        found.train, found.test, found.classes, fingerprints.of_plugin(found.pixel_hash, plugin.source.digest)
    )


def _bytes(plugin: Plugin, split: MemoryImages) -> NDArray[np.uint8]:
    if split.pixels.dtype != torch.uint8:
        raise plugin.error(f"returned images of {split.pixels.dtype}; expected torch.uint8")
    return split.pixels.cpu().numpy()


def _require_images(plugin: Plugin, found: Target) -> None:
    for split in (found.train, found.test):
        if not all(hasattr(split, name) for name in ("labels", "shape", "batch", "to")):
            raise plugin.error(f"returned a Target of {type(split).__name__}; expected rd3.data.images.Images")
