"""Data sets by name under `$RD3_DATA`, in the layouts they come in."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rd3.base.errors import UserError
from rd3.data.folders import read_folder
from rd3.data.npz import read_npz
from rd3.data.source import Place, Reader


@dataclass(frozen=True)
class Layout:
    """One way in which a data set may lie below `$RD3_DATA`.

    Attributes:
        path: of the folder or file, relative to `$RD3_DATA`.
        read: what reads it.
        holds: a file or folder in it by which it is known.
    """

    path: str
    read: Reader
    holds: str = ""


# These benchmarks are judged on `val`; some come with a `test` folder without labels.
read_val_folder: Reader = partial(read_folder, test_splits=("val", "test"))


def layouts_of(name: str, *original: Layout) -> tuple[Layout, ...]:
    """The layouts that a name is looked up in: its own ones, then a folder, then an `.npz` file of that name."""
    return (*original, Layout(name, read_val_folder, holds="train"), Layout(f"{name}.npz", read_npz))


def find(
    _path: str,
    download: bool,
    *,
    name: str,
    layouts: tuple[Layout, ...],
    fetch: Callable[[Path], object] | None,
    url: str = "",
) -> Place:
    """The first layout that is there, after a download if that is allowed and nothing is.

    Args:
        name: of the data set.
        layouts: in the order of preference.
        fetch: downloads and unpacks below a folder; None if only a person can.
        url: where a person finds it, if there is no `fetch`.

    Raises:
        UserError: `$RD3_DATA` is not set, or nothing is there; says what was looked for and how to get it.
    """
    how = f"'rd3 squeeze {name} --download' gets it" if fetch else f"get it from {url}"
    root = os.environ.get("RD3_DATA")
    if not root:
        raise UserError(f"target '{name}': set RD3_DATA to the folder of data sets; if it is not there, {how}")
    folder = Path(root).expanduser().absolute()
    place = _first(folder, layouts)
    if place is None and download and fetch is not None:
        _download(name, fetch, folder)
        place = _first(folder, layouts)
    if place is None:
        looked = ", ".join(dict.fromkeys(layout.path for layout in layouts))
        cannot = "it cannot be downloaded here; " if download else ""
        raise UserError(f"target '{name}': found none of {looked} in RD3_DATA = {root}; {cannot}{how}")
    return place


def _first(root: Path, layouts: tuple[Layout, ...]) -> Place | None:
    there = (layout for layout in layouts if (root / layout.path / layout.holds).exists())
    return next((Place(root / own.path, own.read, (f"read from $RD3_DATA/{own.path}",)) for own in there), None)


def _download(name: str, fetch: Callable[[Path], object], root: Path) -> None:
    try:
        fetch(root)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"target '{name}': the download into {root} failed: {reason}") from error
