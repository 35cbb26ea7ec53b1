"""Code that lives outside this package: `module:name` or `path/file.py:name`, found from the current folder.

A plug-in is loaded again when its source has changed, and its source enters the fingerprints of what is made with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rd3.base.errors import UserError, suggestion
from rd3.base.failures import one_line, place_in, short
from rd3.base.plugin_modules import dotted, file_of, imported
from rd3.base.plugin_modules import loaded as loaded_modules
from rd3.base.sources import Source, source_of_module

NAME = re.compile(r"(?P<module>[^:]+\.py|[^\W\d]\w*(?:\.[^\W\d]\w*)*):(?P<attribute>[^\W\d]\w*)")
USAGE = "MODULE:NAME or FILE.py:NAME"


@dataclass(frozen=True)
class Plugin:
    """Something that was found by its name.

    Attributes:
        kind: `model`, `method`, `target` or `augmentation`.
        value: what has the name.
        source: files that it is made of, and their digest.
    """

    kind: str
    name: str
    value: Any
    source: Source

    def error(self, problem: str) -> UserError:
        return UserError(f"{self.kind} plug-in '{self.name}': {problem}")


def is_plugin_name(name: str) -> bool:
    """Whether a name is written as that of a plug-in.

    >>> [is_plugin_name(name) for name in ("mine:net", "nets/mine.py:net", "herding", "nets/mine.py", "a:b:c")]
    [True, True, False, False, False]
    """
    return NAME.fullmatch(name) is not None


def load_plugin(kind: str, name: str, *, noun: str, expected: str, shown: str | None = None) -> Plugin:
    """What `module:name` or `file.py:name` stands for now.

    Args:
        kind: what it is used as, for messages.
        noun: what the name should stand for: `function` or `class`.
        expected: what that must look like.
        shown: how the user knows it, where that is not its name.

    Raises:
        UserError: names the plug-in and what was expected of it.
    """
    shown = shown or name
    match = NAME.fullmatch(name)
    if match is None:
        raise UserError(f"{kind} plug-in '{shown}': expected {USAGE}")
    try:
        loaded = imported(match["module"])
    except Exception as error:
        raise UserError(f"{kind} plug-in '{shown}': {_why_not(match['module'], error)}; expected {expected}") from error
    attributes = vars(loaded.module)
    if not callable(attributes.get(match["attribute"])):
        hint = suggestion(match["attribute"], [key for key, value in attributes.items() if callable(value)])
        problem = f"'{match['module']}' ({short(loaded.file)}) has no {noun} '{match['attribute']}'{hint}"
        raise UserError(f"{kind} plug-in '{shown}': {problem}")
    plugin = Plugin(kind, shown, attributes[match["attribute"]], loaded.source)
    loaded.plugins[match["attribute"]] = plugin
    return plugin


def require_same_sources(planned: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuse to do work with other code than its fingerprint says.

    Args:
        planned, now: digests by name.

    Raises:
        UserError: names what has changed.
    """
    for name in sorted(planned.keys() | now.keys()):
        if planned.get(name) != now.get(name):
            raise UserError(f"plug-in '{name}': its source has changed since the work was planned; run it again")


def source_notes(sources: Mapping[str, str]) -> list[str]:
    """What a reader of results must know of the plug-ins behind them."""
    return [f"plug-in {name}, source {digest[:12]}" for name, digest in sources.items()]


def loaded_plugins() -> list[tuple[str, Plugin]]:
    """Every plug-in that this process has loaded, with the name that it has in its module."""
    return [pair for loaded in loaded_modules.values() for pair in loaded.plugins.items()]


def _why_not(module: str, error: Exception) -> str:
    """Why a module cannot be imported, and where in its own source."""
    file = file_of(module)
    files = source_of_module(file, dotted(module)).files if file is not None else frozenset()
    place = place_in(error, files)
    return f"cannot import '{module}' ({one_line(error)}{f', {place}' if place else ''})"
