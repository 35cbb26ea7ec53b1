"""Code that lives outside this package: `module:name` or `path/file.py:name`, found from the current folder.

A plug-in is loaded again when its source has changed, and its source enters the fingerprints of what is made with it.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from rd3.base.errors import UserError, suggestion
from rd3.base.failures import one_line, place_in, short
from rd3.base.sources import Source, source_of_module
from rd3.base.spec import fingerprint_of

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


@dataclass
class _Loaded:
    """A module that plug-ins were taken from, with its source as it was then."""

    module: ModuleType
    file: Path
    source: Source
    plugins: dict[str, Plugin] = field(default_factory=dict)


_modules: dict[str, _Loaded] = {}
_here = ""  # the entry of sys.path for the current folder
_folders: set[str] = set()  # entries for those of plug-ins that were named by their files


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
        loaded = _module(match["module"])
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


def is_installed(module: str) -> bool:
    """Whether Python has a module of a name elsewhere than in the current folder, so that it would be found first."""
    own = {_here, *_folders, "", str(Path.cwd())}
    elsewhere = [entry for entry in sys.path if entry not in own]
    return module in sys.builtin_module_names or PathFinder.find_spec(module, elsewhere) is not None


def loaded_plugins() -> list[tuple[str, Plugin]]:
    """Every plug-in that this process has loaded, with the name that it has in its module."""
    return [pair for loaded in _modules.values() for pair in loaded.plugins.items()]


def _module(name: str) -> _Loaded:
    """A module, imported anew where its source has changed since."""
    _look_here()
    known = _modules.get(_key(name))
    if known is not None:
        if known.file.is_file() and source_of_module(known.file, _dotted(name)) == known.source:
            return known
        _forget(_key(name))
    importlib.invalidate_caches()  # the file may be younger than what Python knows of its folder
    module = _from_file(Path(_key(name))) if name.endswith(".py") else importlib.import_module(name)
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        raise ImportError("it has no source file, so that a change of it could not be noticed")
    path = Path(file).resolve()
    _modules[_key(name)] = _Loaded(module, path, source_of_module(path, _dotted(name)))
    return _modules[_key(name)]


def _key(name: str) -> str:
    return str(Path(name).expanduser().resolve()) if name.endswith(".py") else name


def _dotted(name: str) -> str:
    return Path(name).stem if name.endswith(".py") else name


def _look_here() -> None:
    """Let modules of the current folder be found, behind all that is installed; those of an earlier one are forgotten.

    A console script does not look there by itself. Worker processes are given `sys.path` as it is.
    """
    global _here
    folder = str(Path.cwd())
    if folder == _here and folder in sys.path:
        return
    for name in [name for name, loaded in _modules.items() if _here and _is_from(loaded, Path(_here))]:
        _forget(name)
    if _here in sys.path:
        sys.path.remove(_here)
    _here = folder
    if folder not in sys.path:
        sys.path.append(folder)


def _is_from(loaded: _Loaded, folder: Path) -> bool:
    return any(file.is_relative_to(folder.resolve()) for file in loaded.source.files)


def _forget(name: str) -> None:
    """Drop a module, and what it imported from its own folder, so that an import reads them again."""
    files = _modules.pop(name).source.files
    own = [key for key, module in sys.modules.items() if _is_one_of(module, files)]
    above = {".".join(key.split(".")[:depth]) for key in own for depth in range(1, key.count(".") + 1)}
    folders = [key for key in above if key in sys.modules and _is_folder_of(sys.modules[key], files)]
    for key in {*own, *folders} - {"__main__", "__mp_main__"}:
        del sys.modules[key]


def _is_one_of(module: ModuleType, files: frozenset[Path]) -> bool:
    file = getattr(module, "__file__", None)
    return bool(file) and Path(str(file)).resolve() in files


def _is_folder_of(module: ModuleType, files: frozenset[Path]) -> bool:
    """Whether a module is only a folder that some of the files lie in, a package without a file of its own."""
    folders = [] if getattr(module, "__file__", None) else [*getattr(module, "__path__", ())]
    return bool(folders) and all(any(file.is_relative_to(Path(each).resolve()) for file in files) for each in folders)


def _from_file(path: Path) -> ModuleType:
    """The module in a file; its neighbours can be imported from it, as from a script."""
    if not path.is_file():
        raise ImportError(f"there is no file {path}")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
        _folders.add(str(path.parent))
    name = f"rd3_plugin_{path.stem}_{fingerprint_of('path', str(path))[:6]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # classes look their module up while they are made
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _why_not(module: str, error: Exception) -> str:
    """Why a module cannot be imported, and where in its own source."""
    file = _file_of(module)
    files = source_of_module(file, _dotted(module)).files if file is not None else frozenset()
    place = place_in(error, files)
    return f"cannot import '{module}' ({one_line(error)}{f', {place}' if place else ''})"


def _file_of(module: str) -> Path | None:
    """The file that a module would be read from, None where there is none."""
    if module.endswith(".py"):
        path = Path(_key(module))
        return path if path.is_file() else None
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(found.origin).resolve() if found and found.has_location and found.origin else None
