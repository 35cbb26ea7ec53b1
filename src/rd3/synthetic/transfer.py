"""Read any known format."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from rd3.base.errors import UserError
from rd3.data.mosaic import Decode
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.exported import exported_at, read_as_said
from rd3.synthetic.format import Format, Request, format_of, require_applicable
from rd3.synthetic.pictures import Fit
from rd3.synthetic.pixels import PixelKind
from rd3.synthetic.soft_labels import SoftLabelForm
from rd3.synthetic.validity import naming


def read_synthetic(
    path: str | Path,
    *,
    target: Target | None = None,
    pixels: PixelKind | None = None,
    name: str | None = None,
    soft_label_form: SoftLabelForm | None = None,
    decode: Decode | Literal["none"] | None = None,
    set: int | None = None,
    classes: tuple[str, ...] | None = None,
    quantise: bool = False,
    fit: Fit | None = None,
    label_store: str | Path | None = None,
) -> Synthetic:
    """Read a distilled data set of any known format; which one it is shows in the content.

    Args:
        target: the real data it was distilled from; with it, class names, shapes and statistics are checked and
            used. See `rd3.synthetic.check` for the warnings.
        pixels: what float pixels are: `unit` in [0, 1], `uint8` in 0..255, `normalised` with the target's mean and
            std, or a space of `rd3.data.spaces`. Needed where the statistics of the pixels fit several or none of those
            that the format is known to hold: a guess that is wrong costs tens of points unseen.
        name: what a foreign set is called in tables; by default its file name.
        soft_label_form: what its soft labels are; by default what the set itself, or its format, declares.
        decode: how its images, mosaics, become several; `none` says that they are none.
        set: which set of a file that holds several, from 0.
        classes: class names in the order of the file's labels, where that is not the target's.
        quantise: whether float pixels are clamped and rounded to bytes.
        fit: how encoded pictures larger than the target's get to its size: `resize` the shorter side and cut out the
            centre, or `crop` the centre.
        label_store: folder `epoch_*/batch_*.tar` of a teacher's labels of augmented views (FKD) of class folders or
            parquet files; the set gets one static soft label an image, see `rd3.synthetic.static_labels`.

    Raises:
        UserError: one line that names the path and what is wrong with it.
    """
    path = Path(path)
    with naming(path):
        format = format_of(path)
        count = _sets(format, path)
        if set is None and count > 1:
            raise UserError(
                f"holds {count} sets, each a draw of its own: say which with set = 0 .. {count - 1} (--set)"
            )
        if set is not None and not 0 <= set < count:
            raise UserError(f"set = {set}: it holds {count} set{'s' * (count > 1)}, counted from 0")
        request = Request(
            target,
            pixels,
            name or path.stem,
            soft_label_form,
            decode=decode,
            set=set,
            classes=classes,
            quantise=quantise,
            fit=fit,
            label_store=None if label_store is None else Path(label_store),
        )
        require_applicable(format, request)
        synthetic = read_as_said(path, format, request, name=name)
        if target is not None:
            check(synthetic, target)
    return synthetic


def believed(path: str | Path) -> str | None:
    """What is taken on the word of a sidecar that lies in or beside a set, one line; None where there is none.

    Raises:
        UserError: nothing of a known format is there, or the sidecar cannot be read.
    """
    path = Path(path)
    with naming(path):
        exported = exported_at(path, format_of(path))
    return None if exported is None else exported.words


def number_of_sets(path: str | Path) -> int:
    """How many sets lie at a path; each is an independent draw.

    Raises:
        UserError: nothing of a known format is there.
    """
    path = Path(path)
    with naming(path):
        return _sets(format_of(path), path)


def _sets(format: Format, path: Path) -> int:
    return 1 if format.sets is None else format.sets(path)
