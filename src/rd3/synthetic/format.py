"""What a format is, and the registry that `formats/` fills: one file per family of formats, no edit elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rd3.base.errors import UserError
from rd3.base.registry import Registry
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.other_files import other_content
from rd3.synthetic.pictures import Fit
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
        fit: how pictures larger than the target's get to its size; None refuses them.
        label_store: folder of a teacher's labels of augmented views, of which static ones are made; or None.
        because: on whose word, for those who read what an import found.
    """

    target: Target | None
    pixels: PixelKind | None
    name: str
    soft_label_form: SoftLabelForm | None = None
    decode: Decode | Literal["none"] | None = None
    set: int | None = None
    classes: tuple[str, ...] | None = None
    quantise: bool = False
    fit: Fit | None = None
    label_store: Path | None = None
    because: str = "as told"


@dataclass(frozen=True)
class Format:
    """A way in which people store distilled data sets.

    Attributes:
        title: for people, one line.
        matches: whether what lies at a path is of this format, by its content and not by its name; at most one
            format says yes, also where the content is damaged.
        read: makes a synthetic of it; a UserError need not name the path again.
        sets: how many sets lie there, each an independent draw; None where it is always one.
        pictures: whether it holds encoded pictures, which may be larger than the target's, in the order that label
            stores go by.
        said: the text of rd3's sidecar inside the file, or None; formats without it have theirs in a file beside.
    """

    title: str
    matches: Callable[[Path], bool]
    read: Callable[[Path, Request], Synthetic]
    sets: Callable[[Path], int] | None = None
    pictures: bool = False
    said: Callable[[Path], str | None] | None = None


FORMATS: Registry[Format] = Registry("format", "rd3.synthetic.formats")


def format_of(path: Path) -> Format:
    """The format of what lies at a path.

    Raises:
        UserError: nothing is there, or nothing of a known format.
    """
    if not path.exists():
        raise UserError("no such file or folder")
    for name in FORMATS:
        if FORMATS[name].matches(path):
            return FORMATS[name]
    raise UserError(other_content(path) or f"no distilled data set of a known format. Known: {_known()}")


def _known() -> str:
    return "; ".join(f"{name} ({FORMATS[name].title})" for name in FORMATS)


def require_applicable(format: Format, request: Request) -> None:
    """Refuse what is said of encoded pictures where there are none.

    Raises:
        UserError: names it.
    """
    for what in ("fit", "label_store"):
        if getattr(request, what) is not None and not format.pictures:
            raise UserError(f"{what} = {getattr(request, what)}: only for class folders of pictures and parquet files")
