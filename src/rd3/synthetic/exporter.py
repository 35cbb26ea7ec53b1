"""What an exporter is, the registry that `exporters/` fills, and how a set is brought into what one can hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rd3.base.errors import UserError
from rd3.base.registry import Registry
from rd3.data.spaces import NO_WAY_BACK, PixelSpace
from rd3.data.target import Target
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.prepare import (
    class_by_class,
    expanded,
    quantised,
    rounding,
    with_logits,
    without_soft_labels,
)


@dataclass(frozen=True)
class Writing:
    """How a set is written.

    Attributes:
        space: what float pixels become, None for what the format's readers expect.
        target: the real data, for spaces that are fitted on them; or None.
        beside: name -> bytes of files that are put into the folder besides.
    """

    space: PixelSpace | None = None
    target: Target | None = None
    beside: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Exporter:
    """A way to write a set for other tools.

    Attributes:
        title: for people, one line.
        write: puts a set into a path that does not exist yet, whole or not at all; returns what had no place in the
            format, or was changed, one line each.
        bytes_only: whether pixels are 8-bit pictures.
        spaces: whether float pixels can be written in a space of choice.
        class_major: whether readers take the images class by class.
        soft_labels: `any` form, as `logits`, or `none`.
        card: whether it is a folder that `datasets.load_dataset` loads, and gets a card.
    """

    title: str
    write: Callable[[Synthetic, Path, Writing], list[str]]
    bytes_only: bool = False
    spaces: bool = False
    class_major: bool = False
    soft_labels: str = "any"
    card: bool = False


EXPORTERS: Registry[Exporter] = Registry("format to export", "rd3.synthetic.exporters")
Beside = Callable[[Synthetic, Sequence[str]], Mapping[str, bytes]]


def export(
    synthetic: Synthetic,
    path: str | Path,
    format: str,
    *,
    target: Target | None = None,
    space: PixelSpace | None = None,
    quantise: bool = False,
    expand: bool = False,
    beside: Beside | None = None,
) -> list[str]:
    """Write a synthetic for other tools.

    Args:
        path: a file or folder that does not exist yet, or an empty folder.
        format: name of an exporter.
        target: the real data; needed for spaces that are fitted on them.
        space: what float pixels become, where the format has a choice; by default what its readers expect.
        quantise: whether float pixels may be clamped and rounded to bytes.
        expand: whether mosaics are taken apart.
        beside: what is put beside the data in a folder, from the set as it is written and what became of it.

    Returns:
        What had no place in the format and what was changed, one line each.

    Raises:
        UserError: unknown format, images that it cannot hold, or the path holds something.
    """
    exporter, path = EXPORTERS[format], Path(path)
    require_free(path)
    if target is not None:
        check(synthetic, target)
    if space is not None and not exporter.spaces:
        able = ", ".join(name for name in EXPORTERS if EXPORTERS[name].spaces)
        raise UserError(f"space = {space}: {format} holds raw pixels; {able} have a choice")
    ready, changes = prepared(synthetic, format, quantise=quantise, expand=expand)
    files = {} if beside is None else beside(ready, changes)
    return [*changes, *exporter.write(ready, path, Writing(space, target, files))]


def require_free(path: Path) -> None:
    """Refuse a path where something is.

    Raises:
        UserError: a file, or a folder that is not empty.
    """
    if path.is_symlink() or path.is_file() or (path.exists() and any(path.iterdir())):
        raise UserError(f"{path}: exists already; it is left as it is")


def prepared(
    synthetic: Synthetic, format: str, *, quantise: bool = False, expand: bool = False
) -> tuple[Synthetic, list[str]]:
    """A set as a format can hold it, and what became of it, one line each.

    Raises:
        UserError: it cannot, and nobody said that it may be changed.
    """
    exporter, notes = EXPORTERS[format], list[str]()
    require_writable(synthetic, format)
    if expand and synthetic.manifest.decode is None:
        raise UserError("expand: its images are no mosaics")
    if expand and synthetic.manifest.decode is not None:
        notes.append(f"mosaics taken apart: {len(synthetic)} stored images became {_times(synthetic)}")
        synthetic = expanded(synthetic)
    if synthetic.images.is_floating_point() and (quantise or exporter.bytes_only):
        lost = rounding(synthetic.images)
        if not quantise:
            raise UserError(f"{format} holds bytes, and these pixels are floats: quantise (--quantise) has them {lost}")
        notes.append(lost)
        synthetic = quantised(synthetic)
    return _arranged(synthetic, exporter, notes)


def _arranged(synthetic: Synthetic, exporter: Exporter, notes: list[str]) -> tuple[Synthetic, list[str]]:
    ready = class_by_class(synthetic) if exporter.class_major else synthetic
    if ready is not synthetic:
        notes.append("the order of the images: they are put class by class")
    if exporter.soft_labels == "none" and ready.soft_labels is not None:
        notes.append(f"soft labels of shape {tuple(ready.soft_labels.shape)} are left out: there is no place for them")
        ready = without_soft_labels(ready)
    elif exporter.soft_labels == "logits" and with_logits(ready) is not ready:
        notes.append(f"soft labels: {ready.manifest.soft_label_form} are written as logits")
        ready = with_logits(ready)
    return ready, notes


def require_writable(synthetic: Synthetic, format: str) -> None:
    """Refuse what a format has no way to hold.

    Raises:
        UserError: neither grey nor colour for pictures; pixels in a space without a way back for anything that says
            they are pictures.
    """
    exporter = EXPORTERS[format]
    if exporter.bytes_only and synthetic.shape[0] not in (1, 3):
        raise UserError(f"images have {synthetic.shape[0]} channels; pictures hold 1 or 3")
    space = synthetic.manifest.space
    if space in NO_WAY_BACK and (exporter.bytes_only or exporter.spaces):
        raise UserError(f"its pixels are {space}, which is no picture any more; npz and rd3 hold them as they are")


def _times(synthetic: Synthetic) -> int:
    decode = synthetic.manifest.decode
    return len(synthetic) * (1 if decode is None else decode.parts)
