"""What an import found, as a table: each part of a set, how it was read, and how that is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from rd3.report.format import size
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.foreign import READINGS


def print_imported(console: Console, synthetic: Synthetic, warnings: Sequence[str], *, whole: bool) -> None:
    """Print the readings of a set (all of them, or the warnings alone) and what has to be said besides.

    Args:
        whole: whether the table is shown; sets of one file are read alike.
    """
    if whole:
        title = f"{synthetic.manifest.method}: {synthetic.manifest.origin}"
        print_parts(console, title, _rows(synthetic), columns=("part", "read as", "because"))
    for warning in warnings:
        console.print(escape(f"  {warning}"), soft_wrap=True)


def print_parts(
    console: Console, title: str, rows: Iterable[tuple[str, str, str]], *, columns: tuple[str, str, str]
) -> None:
    """Print what the parts of something are."""
    table = Table(box=box.SIMPLE, title=escape(title))
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _rows(synthetic: Synthetic) -> Iterator[tuple[str, str, str]]:
    channels, height, width = synthetic.shape
    kind = "float32" if synthetic.images.is_floating_point() else "bytes"
    stored = f"{len(synthetic)} of {height}x{width}, {channels} channel{'s' * (channels > 1)}, {kind}"
    ipc = "classes differ" if synthetic.ipc is None else f"IPC {synthetic.ipc}"
    yield "images", stored, f"{size(synthetic.image_bytes)}, {ipc}"
    yield (
        "classes",
        str(len(synthetic.classes)),
        ", ".join(synthetic.classes[:4]) + (", …" * (len(synthetic.classes) > 4)),
    )
    for part, reading in synthetic.manifest.info.get(READINGS, {}).items():
        yield part, str(reading[0]), str(reading[1])
    if synthetic.learned_lr is not None:
        yield "learned lr", f"{synthetic.learned_lr:.6g}", "stored with the set"
