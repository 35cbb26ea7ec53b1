"""Targets by name: `load_target("mnist5k")`, `load_target("folder:photos@64")`."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from rd3.base.errors import UserError, suggestion
from rd3.base.plugin import is_plugin_name
from rd3.base.spec import parse
from rd3.data.finish import finish
from rd3.data.plugin import FUNCTION
from rd3.data.source import SOURCES, Place, Reading, Source
from rd3.data.target import Target, TargetSpec
from rd3.data.walk import stamp

MEMORY_LIMIT = 2 * 2**30
SIZE_SUFFIX = re.compile(r"(?P<name>.+)@(?P<size>\d+)")


def list_targets() -> dict[str, str]:
    """Every way to name a target, with a line about it."""
    named = {SOURCES[name].usage or name: SOURCES[name].about for name in SOURCES}
    return named | {FUNCTION.usage: FUNCTION.about}


def parse_target(text: str) -> TargetSpec:
    """The spec that a text stands for, see `list_targets`, with `@SIDE` behind it or not.

    A path that itself ends in `@` and digits is written with a slash behind it.

    >>> parse_target("cifar10@64")
    TargetSpec(name='cifar10', size=64, flip=None)

    Raises:
        UserError: an unknown name, a missing or superfluous path, or a size out of range.
    """
    match = SIZE_SUFFIX.fullmatch(text)
    name, size = (match["name"], int(match["size"])) if match else (text, None)
    source_of(name)
    return parse(TargetSpec, {"name": name, "size": size}, where=f"target '{text}'")


def load_target(
    spec: TargetSpec | str, *, size: int | None = None, download: bool = False, memory_limit: int = MEMORY_LIMIT
) -> Target:
    """Load a target, or return the one in memory if nothing on disk has changed since.

    Args:
        spec: a spec, or its text form (see `parse_target`).
        size: side to resize to; the same as giving it in the spec.
        download: get a named target into `$RD3_DATA` if it is not there, where torchvision can.
        memory_limit: decoded bytes up to which a folder is held in memory; larger ones are decoded batch by batch.

    Raises:
        UserError: an unknown name, nothing at the place it names, or unusable data.
    """
    spec = parse_target(spec) if isinstance(spec, str) else spec
    source, path = source_of(spec.name)
    spec = _sized(spec, size, source)
    try:
        place = source.locate(path, download)
        return _load(spec, place, stamp(place.path), memory_limit)
    except OSError as error:
        if not error.filename:
            raise
        raise UserError(f"target '{spec.name}': cannot read {error.filename}: {error.strerror}") from error


@lru_cache(maxsize=4)
def _load(spec: TargetSpec, place: Place, _stamp: str, memory_limit: int) -> Target:
    """`_stamp` is only there to make the cache forget data that were edited."""
    source, _ = source_of(spec.name)
    content = place.read(place.path, Reading(size=spec.size, memory_limit=memory_limit))
    return finish(replace(content, notes=place.notes + content.notes), spec, source)


def _sized(spec: TargetSpec, size: int | None, source: Source) -> TargetSpec:
    if size is not None and spec.size not in (None, size):
        raise UserError(
            f"target '{spec.name}': size = {size} contradicts the {spec.size} of its spec; give one of them"
        )
    given = spec.size if size is None else size
    side = source.size if given is None else given
    return parse(TargetSpec, spec.as_json() | {"size": side}, where=f"target '{spec.name}'")


def source_of(name: str) -> tuple[Source, str]:
    """The source that a target's name begins with, and the path behind the colon.

    Raises:
        UserError: an unknown name, or a missing or superfluous path.
    """
    kind, colon, path = name.partition(":")
    if name and kind not in SOURCES and Path(name).exists():
        prefix = "folder" if Path(name).is_dir() else "npz"
        hint = f"{name}:FUNCTION" if name.endswith(".py") else f"{prefix}:{name}"
        raise UserError(f"target '{name}' is a path; write {hint}")
    if kind not in SOURCES and is_plugin_name(name) and not suggestion(kind, SOURCES):
        return FUNCTION, name
    source = SOURCES[kind]
    if source.takes_path and not path:
        raise UserError(f"target '{name}' needs a path: {source.usage}")
    if colon and not source.takes_path:
        raise UserError(f"target '{name}': '{kind}' takes no path")
    return source, path
