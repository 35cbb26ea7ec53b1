"""Read any known format, and write the ones that others read."""

from __future__ import annotations

from pathlib import Path

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.format import FORMATS, Format, Request
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
) -> Synthetic:
    """Read a distilled data set of any known format; which one it is shows in the content.

    Args:
        target: the real data it was distilled from; with it, class names, shapes and statistics are checked and
            used. See `rd3.synthetic.check` for the warnings.
        pixels: what float pixels are: `unit` in [0, 1], `uint8` in 0..255, `normalised` with the target's mean and
            std. Needed for floats only, and then always: a guess that is wrong costs tens of points unseen.
        name: what a foreign set is called in tables; by default its file name.
        soft_label_form: what its soft labels are; by default what the set itself declares.

    Raises:
        UserError: one line that names the path and what is wrong with it.
    """
    path = Path(path)
    with naming(path):
        synthetic = _format_of(path).read(path, Request(target, pixels, name or path.stem)).declaring(soft_label_form)
        if target is not None:
            check(synthetic, target)
    return synthetic


def _format_of(path: Path) -> Format:
    if not path.exists():
        raise UserError("no such file or folder")
    for name in FORMATS:
        if FORMATS[name].matches(path):
            return FORMATS[name]
    known = "; ".join(f"{name} ({FORMATS[name].title})" for name in FORMATS)
    raise UserError(f"no distilled data set of a known format. Known: {known}")


def export(synthetic: Synthetic, path: str | Path, format: str) -> list[str]:
    """Write a synthetic for other tools.

    Args:
        path: a file or folder that does not exist yet.
        format: name of the format.

    Returns:
        What had no place in the format and is left out, one line each.

    Raises:
        UserError: unknown format, one that rd3 only reads, images that it cannot hold, or the path exists.
    """
    path = Path(path)
    write = FORMATS[format].write
    if write is None:
        raise UserError(f"format '{format}' can be read, not written")
    if path.exists():
        raise UserError(f"{path}: exists already; it is left as it is")
    return write(synthetic, path)
