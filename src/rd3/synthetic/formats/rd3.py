"""rd3's own folder: `images.safetensors` and `manifest.json`."""

from __future__ import annotations

from pathlib import Path

from rd3.base.errors import UserError
from rd3.synthetic.artifact import MANIFEST, Synthetic
from rd3.synthetic.format import FORMATS, Format, Request


def matches(path: Path) -> bool:
    return (path / MANIFEST).is_file()


def read(path: Path, request: Request) -> Synthetic:
    for what in ("pixels", "decode", "classes"):
        if getattr(request, what) is not None:
            raise UserError(f"{what}: rd3's own folders say in their manifest what they hold, and need no such reading")
    return Synthetic.load(path)


FORMATS.add("rd3")(Format("folder with images.safetensors and manifest.json", matches, read))
