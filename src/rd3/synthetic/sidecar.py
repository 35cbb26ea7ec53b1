"""`rd3.json`: what rd3 writes into an export besides what the format has a place for. Other tools pass it over."""

from __future__ import annotations

import json
from typing import Any, Final, Literal

import torch

from rd3.base.errors import UserError
from rd3.base.spec import Spec, parse
from rd3.data.spaces import PixelSpace
from rd3.synthetic.artifact import Synthetic, content_fingerprint
from rd3.synthetic.manifest import Manifest

SIDECAR = "rd3.json"
SCHEMA: Final = "rd3.export/1"
Half = Literal["float16", "bfloat16"]


class Sidecar(Spec):
    """What an export is of.

    Attributes:
        format: what it was written as.
        space: what its float pixels are; None for bytes.
        content: fingerprint of pixels, labels and soft labels (as float32) before they were written.
        half: type of soft labels that were of half precision.
        learned_lr: as in `Synthetic`.
        manifest: of the set.
    """

    schema_id: Literal["rd3.export/1"] = SCHEMA
    format: str
    space: PixelSpace | None = None
    content: str
    half: Half | None = None
    learned_lr: float | None = None
    manifest: Manifest

    @property
    def text(self) -> str:
        """As it is written."""
        return json.dumps(self.as_json(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def sidecar_of(synthetic: Synthetic, format: str, *, space: PixelSpace | None = None) -> Sidecar:
    """The sidecar of a set that is written with its pixels in a space; None for bytes."""
    return Sidecar(
        format=format,
        space=space,
        content=content_of_set(synthetic),
        half=_half(synthetic),
        learned_lr=synthetic.learned_lr,
        manifest=synthetic.manifest,
    )


def content_of_set(synthetic: Synthetic) -> str:
    """Fingerprint of pixels, labels and soft labels, whatever precision those are kept in."""
    soft = synthetic.soft_labels
    return content_fingerprint(synthetic.images, synthetic.labels, None if soft is None else soft.float())


def _half(synthetic: Synthetic) -> Half | None:
    types: dict[Any, Half] = {torch.float16: "float16", torch.bfloat16: "bfloat16"}
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
