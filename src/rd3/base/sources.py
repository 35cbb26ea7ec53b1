"""The source that a module is made of: its own file, and those that it imports from the same folder or package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from importlib.machinery import PathFinder
from pathlib import Path
from typing import NamedTuple

from rd3.base.files import sha256_of
from rd3.base.spec import fingerprint_of

INSTALLED = {"site-packages", "dist-packages"}


class Source(NamedTuple):
    """Files that decide what a module does, and a digest of their names below `root` and their bytes."""

    files: frozenset[Path]
    digest: str


def source_of_module(file: Path, module: str) -> Source:
    """The source of a module.

    Args:
        file: of the module.
        module: its dotted name, which says where the folder is that its imports are looked for in.
    """
    depth = len(module.split(".")) - (file.name != "__init__.py")
    root, installed = file.parents[depth], bool(INSTALLED & {*file.parts})
    if installed and depth == 0:
        files = frozenset({file})  # what lies beside it are other packages
    else:
        files = frozenset(_closure(file, root, within=file.parents[depth - 1] if installed else root))
    named = sorted((path.relative_to(root).as_posix(), _sha256(path, *_state(path))) for path in files)
    return Source(files, fingerprint_of("source", named))


def _closure(file: Path, root: Path, *, within: Path) -> set[Path]:
    found, waiting = set[Path](), [file]
    while waiting:
        path = waiting.pop()
        if path not in found and path.is_relative_to(within):
            found.add(path)
            waiting += _imported(path, root, *_state(path))
    return found


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=1024)
def _sha256(path: Path, _size: int, _time: int) -> str:
    return sha256_of(path)


@lru_cache(maxsize=1024)
def _imported(path: Path, root: Path, _size: int, _time: int) -> tuple[Path, ...]:
    """Files below `root` that the import statements of one name, wherever in it they stand."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ()  # the import itself says what is wrong
    return tuple(file for node in ast.walk(tree) for place in _places(node, path, root) for file in _files(place, root))


def _places(node: ast.AST, path: Path, root: Path) -> Iterator[Path]:
    """Where the modules of an import statement would be, without an ending."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
        yield from (root.joinpath(*name.split(".")) for name in names if _is_below(root, name))
    if isinstance(node, ast.ImportFrom) and (node.level or _is_below(root, str(node.module))):
        start = path.parents[node.level - 1] if node.level else root
        base = start.joinpath(*(node.module or "").split("."))
        yield from (base, *(base / alias.name for alias in node.names))


def _is_below(root: Path, module: str) -> bool:
    """Whether an import finds the module there: a folder `torch` in the current folder is not what `torch` means."""
    found = PathFinder.find_spec(module.partition(".")[0])
    if found is None:
        return False
    places = [found.origin] if found.has_location else list(found.submodule_search_locations or ())
    return any(Path(place).resolve().is_relative_to(root) for place in places if place)


def _files(place: Path, root: Path) -> Iterator[Path]:
    """The module at a place, and the packages that it is in."""
    for folder in (place, *place.parents):
        if folder == root or not folder.is_relative_to(root):
            return
        yield from (file for file in (folder.with_name(f"{folder.name}.py"), folder / "__init__.py") if file.is_file())
