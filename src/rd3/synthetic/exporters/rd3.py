"""rd3's own folder. Loses nothing."""

from __future__ import annotations

from pathlib import Path

from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.exporter import EXPORTERS, Exporter, Writing


def write(synthetic: Synthetic, path: Path, _writing: Writing) -> list[str]:
    synthetic.save(path)
    return []


EXPORTERS.add("rd3")(Exporter("folder with images.safetensors and manifest.json", write))
