"""What rd3 wrote about a set that it exported, and the set as it was.

Whose pixels and labels are what was written is the same set, and gets its manifest back. Where they are not (floats
that were normalised, files that somebody edited) it is another one, and the sidecar only says how it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from rd3.base.errors import MissingExtraError, UserError
from rd3.base.spec import fingerprint_of
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import require_classes, unnamed
from rd3.synthetic.exporters.parquet import FILE
from rd3.synthetic.format import Format, Request
from rd3.synthetic.sidecar import SIDECAR, Sidecar, content_of_set, parse_sidecar
from rd3.synthetic.soft_labels import SOFT_LABELS, inferred_form


@dataclass(frozen=True)
class Exported:
    """An export's sidecar, and soft labels that lie where only rd3 looks for them."""

    sidecar: Sidecar
    soft_labels: Tensor | None = None

    def filled(self, request: Request, *, name: str | None) -> Request:
        """What the caller says, and where nothing is said, what the sidecar does.

        Raises:
            UserError: the target has other classes, or the same in another order.
        """
        manifest, space = self.sidecar.manifest, self.sidecar.space
        if request.target is not None and request.classes is None:
            require_classes(manifest.classes, request.target)
        # pictures and archives have their classes' names, tensors have not
        anonymous = request.target is None and space is not None and not unnamed(manifest.classes)
        return replace(
            request,
            name=name or manifest.method,
            pixels=request.pixels or space,
            decode=request.decode or manifest.decode or "none",
            soft_label_form=request.soft_label_form or manifest.soft_label_form,
            classes=request.classes or (manifest.classes if anonymous else None),
        )

    def labelled(self, synthetic: Synthetic) -> Synthetic:
        """What was read, with the soft labels that lie beside it.

        Raises:
            UserError: they are not one row an image.
        """
        soft = self.soft_labels
        if soft is None or synthetic.soft_labels is not None:
            return synthetic
        form = self.sidecar.manifest.soft_label_form or inferred_form(soft)
        manifest = synthetic.manifest.model_copy(update={"soft_label_form": form})
        found = replace(synthetic, soft_labels=soft, manifest=manifest)
        fingerprint = fingerprint_of("imported", [content_of_set(found), None, form])
        return replace(found, manifest=manifest.model_copy(update={"fingerprint": fingerprint}))

    def restored(self, synthetic: Synthetic) -> Synthetic:
        """The set that was exported, if what was read is that; else what was read, with its draw and learned rate."""
        if content_of_set(synthetic) != self.sidecar.content:
            return self._another(synthetic)
        soft = synthetic.soft_labels
        if soft is not None and self.sidecar.half is not None:
            soft = soft.to(getattr(torch, self.sidecar.half))
        manifest = self.sidecar.manifest.model_copy(update={"method": synthetic.manifest.method})
        return replace(synthetic, soft_labels=soft, learned_lr=self.sidecar.learned_lr, manifest=manifest)

    def _another(self, synthetic: Synthetic) -> Synthetic:
        kept, info = self.sidecar.manifest, synthetic.manifest.info
        rate = synthetic.learned_lr or self.sidecar.learned_lr
        changes: dict[str, Any] = {"draw": kept.draw, "info": {**info, "exported": kept.fingerprint}}
        if rate != synthetic.learned_lr:
            changes["fingerprint"] = fingerprint_of("imported", [synthetic.manifest.fingerprint, rate])
        return replace(synthetic, learned_lr=rate, manifest=synthetic.manifest.model_copy(update=changes))


def exported_at(path: Path, format: Format) -> Exported | None:
    """What rd3 wrote about a set, inside its file or beside it; None where others saved it.

    Raises:
        UserError: it cannot be read.
    """
    if format.said is not None:
        text = format.said(path)
        return None if text is None else Exported(parse_sidecar(text, where="rd3"))
    folder = path if path.is_dir() else path.parent
    if not (folder / SIDECAR).is_file() or not (path.is_dir() or path.name in ("images.pt", FILE)):
        return None
    try:
        text = (folder / SIDECAR).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UserError(f"{SIDECAR}: cannot be read as text") from None
    sidecar = parse_sidecar(text, where=SIDECAR)
    return Exported(sidecar, _column(folder / FILE) if sidecar.format == "parquet" else _rows(folder / SOFT_LABELS))


def _rows(file: Path) -> Tensor | None:
    if not file.is_file():
        return None
    try:
        return load_file(file)["soft_labels"].float()
    except (OSError, KeyError, SafetensorError) as error:
        raise UserError(f"{file.name}: no readable soft labels ({' '.join(str(error).split())})") from None


def _column(file: Path) -> Tensor | None:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("parquet") from None
    try:
        if "soft_labels" not in pyarrow.parquet.read_schema(file).names:
            return None
        rows = pyarrow.parquet.read_table(file, columns=["soft_labels"])["soft_labels"].to_pylist()
        return torch.tensor(rows, dtype=torch.float32)
    except (pyarrow.ArrowException, OSError, ValueError, TypeError) as error:
        raise UserError(f"{file.name}: no readable soft labels ({' '.join(str(error).split())[:100]})") from None
