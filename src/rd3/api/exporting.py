"""Sets as others read them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rd3.base.errors import UserError
from rd3.data.spaces import PixelSpace
from rd3.data.target import Target
from rd3.report.card import card_files
from rd3.report.results import results_of
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import EXPORTERS
from rd3.synthetic.exporter import export as write_export


def export(
    synthetic: Synthetic,
    path: str | Path,
    format: str,
    *,
    target: Target | None = None,
    space: PixelSpace | None = None,
    quantise: bool = False,
    expand: bool = False,
    records: Sequence[Path] = (),
    store: Store | None = None,
) -> list[str]:
    """Write `synthetic` as others read it; folders that Hugging Face's `datasets` loads get a card.

    Args:
        path: what is written: a file or folder that does not exist yet, or an empty folder.
        format: `folder`, `npz`, `parquet`, `tensors`, `condensed` or `rd3`; docs/formats.md says what each holds.
        target: the real data; needed for a `space` that is fitted on them.
        space: what float pixels become in `tensors` and `condensed`; by default what their readers expect.
        quantise: whether float pixels may be clamped and rounded to bytes.
        expand: whether mosaics are taken apart.
        records: files or folders of records whose results go onto the card; those of the store by default.

    Returns:
        What has no place in the format and what was changed, one line each.

    Raises:
        UserError: unknown format, a set that it cannot hold, or something is at `path` already.
    """
    if records and not EXPORTERS[format].card:
        raise UserError(f"records: {format} has no card that could show their results")

    def beside(ready: Synthetic, changes: Sequence[str]) -> dict[str, bytes]:
        if not EXPORTERS[format].card:
            return {}
        stored = (store or Store()).root / "run"
        places = list(records) or ([stored] if stored.is_dir() else [])
        return card_files(ready, format, results_of(synthetic, places), changes)

    return write_export(
        synthetic, path, format, target=target, space=space, quantise=quantise, expand=expand, beside=beside
    )
