"""What a format is, and the registry that `formats/` fills: one file per family of formats, no edit elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rd3.base.registry import Registry
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.pixels import PixelKind
from rd3.synthetic.soft_labels import SoftLabelForm


@dataclass(frozen=True)
class Request:
    """What the caller says about what is read.

    Attributes:
        target: the real data it was distilled from, or None.
        pixels: what float pixels are, None where they are bytes or their statistics tell.
        name: what to call it in tables.
        soft_label_form: what soft labels are, None where the file or its rows tell.
        decode: how mosaics are decoded; `none` says that images are none; None leaves it to the format.
        set: which of several sets in one file.
        classes: class names in the order of the file's labels, where that is not the target's.
        quantise: whether float pixels are clamped and rounded to bytes.
    """

    target: Target | None
    pixels: PixelKind | None
    name: str
    soft_label_form: SoftLabelForm | None = None
    decode: Decode | Literal["none"] | None = None
    set: int | None = None
    classes: tuple[str, ...] | None = None
    quantise: bool = False


@dataclass(frozen=True)
class Format:
    """A way in which people store distilled data sets.

    Attributes:
        title: for people, one line.
        matches: whether what lies at a path is of this format, by its content and not by its name; at most one
            format says yes, also where the content is damaged.
        read: makes a synthetic of it; a UserError need not name the path again.
        sets: how many sets lie there, each an independent draw; None where it is always one.
        said: the text of rd3's sidecar inside the file, or None; formats without it have theirs in a file beside.
    """

    title: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Request], Synthetic]
    sets: Callable[[Path], int] | None = None
    said: Callable[[Path], str | None] | None = None


FORMATS: Registry[Format] = Registry("format", "rd3.synthetic.formats")
