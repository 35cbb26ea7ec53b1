"""`rd3.json`: what rd3 writes into an export besides what the format has a place for.

With it an export comes back as what it was: whose pixels and labels are the same is the same set, and gets its manifest
back. Where they are not (floats that were normalised, files that somebody edited), it still says how they are read.
Other tools pass it over.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Literal

import torch
from pydantic import Field

from rd3.base.errors import UserError
from rd3.base.spec import Spec, fingerprint_of, parse
from rd3.data.spaces import PixelSpace
from rd3.synthetic.artifact import Synthetic, content_fingerprint
from rd3.synthetic.check import require_classes, unnamed
from rd3.synthetic.format import Request
from rd3.synthetic.manifest import Manifest

SIDECAR = "rd3.json"
SCHEMA: Final = "rd3.export/1"


class Sidecar(Spec):
    """What an export is of.

    Attributes:
        format: what it was written as.
        space: what its float pixels are; None for bytes.
        folders: name of a class folder -> label, where classes are folders.
        content: fingerprint of pixels, labels and soft labels (as float32) before they were written.
        half: type of soft labels that were of half precision.
        learned_lr: as in `Synthetic`.
        manifest: of the set.
    """

    schema_id: Literal["rd3.export/1"] = SCHEMA
    format: str
    space: PixelSpace | None = None
    folders: dict[str, int] = Field(default_factory=dict)
    content: str
    half: Literal["float16", "bfloat16"] | None = None
    learned_lr: float | None = None
    manifest: Manifest

    @property
    def text(self) -> str:
        """As it is written."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def filled(self, request: Request, *, name: str | None) -> Request:
        """What the caller says, and where nothing is said, what this does.

        Raises:
            UserError: the target has other classes, or the same in another order.
        """
        manifest = self.manifest
        if request.target is not None and request.classes is None:
            require_classes(manifest.classes, request.target)
        anonymous = request.target is None and not unnamed(manifest.classes)
        return replace(
            request,
            name=name or manifest.method,
            pixels=request.pixels or self.space,
            decode=request.decode or manifest.decode or "none",
            soft_label_form=request.soft_label_form or manifest.soft_label_form,
            classes=request.classes or (manifest.classes if anonymous else None),
        )

    def restored(self, synthetic: Synthetic) -> Synthetic:
        """The set that was exported, if what was read is that; else what was read, with its draw and learned rate."""
        if _content(synthetic) != self.content:
            return self._hinted(synthetic)
        soft = synthetic.soft_labels
        if soft is not None and self.half is not None:
            soft = soft.to(getattr(torch, self.half))
        manifest = self.manifest.model_copy(update={"method": synthetic.manifest.method})
        return replace(synthetic, soft_labels=soft, learned_lr=self.learned_lr, manifest=manifest)

    def _hinted(self, synthetic: Synthetic) -> Synthetic:
        rate, info = synthetic.learned_lr or self.learned_lr, synthetic.manifest.info
        changes = {"draw": self.manifest.draw, "info": {**info, "exported": self.manifest.fingerprint}}
        if rate != synthetic.learned_lr:
            changes["fingerprint"] = fingerprint_of("imported", [synthetic.manifest.fingerprint, rate])
        return replace(synthetic, learned_lr=rate, manifest=synthetic.manifest.model_copy(update=changes))


def sidecar_of(
    synthetic: Synthetic, format: str, *, space: PixelSpace | None = None, folders: Mapping[str, int] | None = None
) -> Sidecar:
    """The sidecar of a set that is written; `folders` are its class folders."""
    return Sidecar(
        format=format,
        space=space if synthetic.images.is_floating_point() or space not in (None, "raw01") else None,
        folders=dict(folders or {}),
        content=_content(synthetic),
        half=_half(synthetic),
        learned_lr=synthetic.learned_lr,
        manifest=synthetic.manifest,
    )


def _content(synthetic: Synthetic) -> str:
    soft = synthetic.soft_labels
    return content_fingerprint(synthetic.images, synthetic.labels, None if soft is None else soft.float())


def _half(synthetic: Synthetic) -> Literal["float16", "bfloat16"] | None:
    types: dict[Any, Literal["float16", "bfloat16"]] = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
    return None if synthetic.soft_labels is None else types.get(synthetic.soft_labels.dtype)


def parse_sidecar(text: str, *, where: str) -> Sidecar:
    """Read a sidecar's text.

    Raises:
        UserError: it is no JSON, or not what rd3 writes.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise UserError(f"{where}: not readable as JSON") from None
    return parse(Sidecar, values, where=where)


def sidecar_beside(path: Path) -> Sidecar | None:
    """The sidecar in an exported folder, or beside the file of images in it; None where there is none.

    Raises:
        UserError: it cannot be read.
    """
    place = (path if path.is_dir() else path.parent) / SIDECAR
    if not place.is_file() or not (path.is_dir() or path.name == "images.pt"):
        return None
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{SIDECAR}: cannot be read as text") from None
    return parse_sidecar(text, where=SIDECAR)
