"""Modules of plug-ins: found from the current folder too, and imported anew when their source has changed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from rd3.base.sources import Source, source_of_module
from rd3.base.spec import fingerprint_of


@dataclass
class Loaded:
    """A module that plug-ins were taken from, with its source as it was then."""

    module: ModuleType
    file: Path
    source: Source
    plugins: dict[str, Any] = field(default_factory=dict)


loaded: dict[str, Loaded] = {}
_here = ""  # the entry of sys.path for the current folder
_folders: set[str] = set()  # entries for those of plug-ins that were named by their files


def is_installed(module: str) -> bool:
    """Whether Python has a module of a name elsewhere than in the current folder, so that it would be found first."""
    own = {_here, *_folders, "", str(Path.cwd())}
    elsewhere = [entry for entry in sys.path if entry not in own]
    return module in sys.builtin_module_names or PathFinder.find_spec(module, elsewhere) is not None


def imported(name: str) -> Loaded:
    """A module, imported anew where its source has changed since."""
    _look_here()
    known = loaded.get(_key(name))
    if known is not None:
        if known.file.is_file() and source_of_module(known.file, dotted(name)) == known.source:
            return known
        _forget(_key(name))
    importlib.invalidate_caches()  # the file may be younger than what Python knows of its folder
    with _no_bytecode():
        module = _from_file(Path(_key(name))) if name.endswith(".py") else importlib.import_module(name)
    file = getattr(module, "__file__", None)
    if file is None or not file.endswith(".py"):
        raise ImportError("it has no source file, so that a change of it could not be noticed")
    path = Path(file).resolve()
    loaded[_key(name)] = Loaded(module, path, source_of_module(path, dotted(name)))
    return loaded[_key(name)]


@contextmanager
def _no_bytecode() -> Iterator[None]:
    """Python takes compiled code for that of a source of the same size and second; so none is left here."""
    usual, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = usual


def _key(name: str) -> str:
    return str(Path(name).expanduser().resolve()) if name.endswith(".py") else name


def dotted(name: str) -> str:
    return Path(name).stem if name.endswith(".py") else name


def _look_here() -> None:
    """Let modules of the current folder be found, behind all that is installed; those of an earlier one are forgotten.

    A console script does not look there by itself. Worker processes are given `sys.path` as it is.
    """
    global _here
    folder = str(Path.cwd())
    if folder == _here and folder in sys.path:
        return
    for name in [name for name, loaded in loaded.items() if _here and _is_from(loaded, Path(_here))]:
        _forget(name)
    if _here in sys.path:
        sys.path.remove(_here)
    _here = folder
    if folder not in sys.path:
        sys.path.append(folder)


def _is_from(loaded: Loaded, folder: Path) -> bool:
    return any(file.is_relative_to(folder.resolve()) for file in loaded.source.files)


def _forget(name: str) -> None:
    """Drop a module, and what it imported from its own folder, so that an import reads them again."""
    files = loaded.pop(name).source.files
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


def file_of(module: str) -> Path | None:
    """The file that a module would be read from, None where there is none."""
    if module.endswith(".py"):
        path = Path(_key(module))
        return path if path.is_file() else None
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(found.origin).resolve() if found and found.has_location and found.origin else None
