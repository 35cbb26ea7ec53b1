"""rd3's own folder: `images.safetensors` and `manifest.json`. Loses nothing."""

from __future__ import annotations

from pathlib import Path

from rd3.base.errors import UserError
from rd3.synthetic.artifact import MANIFEST, Synthetic
from rd3.synthetic.format import FORMATS, Format, Request


def matches(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def read(path: Path, request: Request) -> Synthetic:
    if request.pixels is not None:
        raise UserError(f"pixels = {request.pixels}: rd3's own folders hold bytes and need no such reading")
    return Synthetic.load(path)


def write(synthetic: Synthetic, path: Path) -> list[str]:
    synthetic.save(path)
    return []


FORMATS.add("rd3")(Format("folder with images.safetensors and manifest.json", matches, read, write))
