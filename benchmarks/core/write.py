"""What a benchmark leaves: result.json, result.md and charts, in one folder."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rd3.base.files import write_atomic


def write_results(folder: Path, result: Mapping[str, Any], text: str, charts: Mapping[str, str]) -> None:
    """Write everything.

    Args:
        text: Markdown; the charts are put behind it.
        charts: SVG by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in charts.items():
        write_atomic(folder / f"{name}.svg", svg)
    pictures = "".join(f"\n![{name.replace('-', ' ')}]({name}.svg)\n" for name in charts)
    write_atomic(folder / "result.json", json.dumps(result, indent=1) + "\n")
    write_atomic(folder / "result.md", text.rstrip() + "\n" + pictures)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; bars in cells are escaped."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(cells[0]), *lines[1:]])
