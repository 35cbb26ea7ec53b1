"""RDED's recipe as rd3 has it, with the epochs of this run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

ALIKE = "rded-code"  # with the second pass for BatchNorm and the tests of the released code: the same work
OWN = "rded"  # what the paper describes


def write_protocol(base: str, epochs: int, folder: Path) -> Path:
    """A protocol file; `checkpoints: 1` leaves only the tests that the recipe itself asks for."""
    content: dict[str, Any] = {
        "id": f"benchmark-{base}",
        "version": 1,
        "base": base,
        "title": f"{base}, {epochs} epochs",
        "source": "RDED, arXiv 2312.03526, code LINs-lab/RDED",
        "not_rankable": "for this comparison of speed only",
        "fields": {
            "epochs": {"value": epochs, "provenance": "code"},
            "checkpoints": {"value": 1, "provenance": "code"},
        },
    }
    folder.mkdir(exist_ok=True)
    path = folder / f"{base}.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
