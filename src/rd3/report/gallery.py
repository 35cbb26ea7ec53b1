"""Images of all methods side by side: the same classes and places of each, so that they can be compared."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rd3.report import format as show
from rd3.report.data import Grid
from rd3.report.grid import contact_sheet
from rd3.report.notes import is_random

TILE = 30  # wanted side of a shown image, in CSS pixels
MAX_CLASSES, MAX_PER_CLASS, MAX_SIDE = 10, 3, 64
PIXEL_BUDGET = 800_000  # of all pictures of a page, as far as one image of a class allows it: some 2 MB


@dataclass(frozen=True)
class Picture:
    """One method's contact sheet as the template wants it."""

    title: str
    caption: str
    source: str
    width: int
    pixelated: bool
    alt: str


@dataclass(frozen=True)
class Gallery:
    """The contact sheets of one target and IPC; `legend` says what stands where."""

    title: str
    legend: str
    pictures: list[Picture]


def galleries(grids: Iterable[Grid]) -> list[Gallery]:
    """One for every target and IPC, real images first in each."""
    groups: dict[tuple[str, int], list[Grid]] = {}
    for grid in grids:
        groups.setdefault((grid.target, grid.ipc), []).append(grid)
    per_class = _per_class([grid for group in groups.values() for grid in group])
    return [_gallery(group, per_class) for group in groups.values()]


def _per_class(grids: Sequence[Grid]) -> int:
    """How many images of a class the page has room for."""
    pixels = sum(min(len(grid.classes), MAX_CLASSES) * _area(grid) for grid in grids)
    return max(1, min(MAX_PER_CLASS, PIXEL_BUDGET // max(1, pixels)))


def _area(grid: Grid) -> int:
    height, width = grid.images.shape[-2:]
    return int(min(height, MAX_SIDE) * min(width, MAX_SIDE))


def _gallery(grids: Sequence[Grid], per_class: int) -> Gallery:
    first = grids[0]
    title = ", ".join(filter(None, (show.plain(first.target), f"IPC {first.ipc}")))
    ordered = sorted(grids, key=lambda grid: (not is_random(grid.title), grid.title))
    legend = f"One column a class: {_class_names(first)}{_below(first, per_class)}."
    return Gallery(title, legend, [_picture(grid, title, per_class) for grid in ordered])


def _class_names(grid: Grid) -> str:
    shown = [show.plain(name) for name in grid.classes[:MAX_CLASSES]]
    more = len(grid.classes) - len(shown)
    return ", ".join(shown) + (f" (and {more} more that are not shown)" if more else "")


def _below(grid: Grid, per_class: int) -> str:
    if grid.ipc == 1:
        return ""
    shown = min(per_class, grid.ipc)
    count = f"the first {shown} of {grid.ipc}" if shown < grid.ipc else f"all {grid.ipc}"
    return f"; {count} images of it{' below each other' if shown > 1 else ''}"


def _picture(grid: Grid, place: str, per_class: int) -> Picture:
    sheet = contact_sheet(grid.images, grid.labels, per_class=per_class, max_classes=MAX_CLASSES, max_side=MAX_SIDE)
    name = show.plain(grid.title)
    classes = ", ".join(show.plain(grid.classes[label]) for label in sheet.shown)
    return Picture(
        title=name,
        caption=show.plain(grid.caption),
        source="data:image/png;base64," + base64.b64encode(sheet.png).decode(),
        width=sheet.width * max(1, round(TILE / sheet.side)),
        pixelated=max(grid.images.shape[-2:]) <= MAX_SIDE,
        alt=f"Images of {name}, {place}; from left to right: {classes}",
    )
