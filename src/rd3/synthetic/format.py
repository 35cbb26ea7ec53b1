"""What a format is, and the registry that `formats/` fills: one file per format, no edit elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rd3.base.registry import Registry
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.pixels import PixelKind


@dataclass(frozen=True)
class Request:
    """What the caller says about what is read.

    Attributes:
        target: the real data it was distilled from, or None.
        pixels: what float pixels are, None where they are bytes.
        name: what to call it in tables.
    """

    target: Target | None
    pixels: PixelKind | None
    name: str


@dataclass(frozen=True)
class Format:
    """A way in which people store distilled data sets.

    Attributes:
        title: for people, one line.
        matches: whether what lies at a path is of this format, by its content and not by its name; at most one
            format says yes, also where the content is damaged.
        read: makes a synthetic of it; a UserError need not name the path again.
        write: puts one into a path that does not exist yet, and returns what had no place in the format, one line
            each; None if rd3 only reads it.
    """

    title: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Request], Synthetic]
    write: Callable[[Synthetic, Path], list[str]] | None


FORMATS: Registry[Format] = Registry("format", "rd3.synthetic.formats")
