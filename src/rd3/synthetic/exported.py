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
from rd3.synthetic.foreign import READINGS
from rd3.synthetic.format import Format, Request
from rd3.synthetic.sidecar import SIDECAR, Sidecar, content_of_set, parse_sidecar
from rd3.synthetic.soft_labels import SOFT_LABELS, inferred_form

TOLD = ("pixels", "decode", "soft_label_form", "classes", "fit", "label_store")  # of a request, by the caller
SAYS = "the sidecar of an rd3 export says so"


def read_as_said(path: Path, format: Format, request: Request, *, name: str | None) -> Synthetic:
    """What lies at a path, read as the caller and, where he is silent, an export's sidecar say.

    Args:
        name: what the caller calls it, None where he does not.

    Raises:
        UserError: as the format's reader has it, or the sidecar cannot be read.
    """
    exported = exported_at(path, format)
    if exported is None:
        return format.read(path, request).declaring(request.soft_label_form)
    synthetic = exported.labelled(format.read(path, exported.filled(request, name=name)))
    told = any(getattr(request, what) is not None for what in TOLD)
    return synthetic.declaring(request.soft_label_form) if told else exported.restored(synthetic)


@dataclass(frozen=True)
class Exported:
    """An export's sidecar, and soft labels that lie where only rd3 looks for them."""

    sidecar: Sidecar
    soft_labels: Tensor | None = None

    @property
    def words(self) -> str:
        """What is believed on its word, for whoever judges the set."""
        said, rate = self.sidecar.manifest, self.sidecar.learned_lr
        parts = [f"method {said.method}", said.origin, f"draw {said.draw}"]
        parts += [f"pixels {self.sidecar.space}"] * (self.sidecar.space is not None)
        parts += [] if said.decode is None else [f"mosaics {said.decode.factor}:{said.decode.order}"]
        parts += [f"soft labels {said.soft_label_form}"] * (said.soft_label_form is not None)
        parts += [] if rate is None else [f"learned rate {rate:g}"]
        return f"{SAYS}, and nothing else vouches for it: {', '.join(parts)}"

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
            because=f"as told, or {SAYS}" if any(getattr(request, what) is not None for what in TOLD) else SAYS,
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
        fingerprint = fingerprint_of("imported", [synthetic.manifest.fingerprint, content_of_set(found), form])
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
        kept = self.sidecar.manifest
        row = ["another set than was exported", "pixels or labels are not those that its sidecar names"]
        info = synthetic.manifest.info
        info = {**info, READINGS: {**info.get(READINGS, {}), "manifest": row}}
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
    return Exported(
        sidecar,
        _column(folder / FILE, len(sidecar.manifest.classes))
        if sidecar.format == "parquet"
        else _rows(folder / SOFT_LABELS),
    )


def _rows(file: Path) -> Tensor | None:
    if not file.is_file():
        return None
    try:
        return load_file(file)["soft_labels"].float()
    except (OSError, KeyError, SafetensorError) as error:
        raise UserError(f"{file.name}: no readable soft labels ({' '.join(str(error).split())})") from None


def _column(file: Path, classes: int) -> Tensor | None:
    """Soft labels (N, classes) in a parquet file; looked at before they take memory, as equal rows are stored once."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("parquet") from None
    try:
        with pyarrow.parquet.ParquetFile(file) as opened:
            if "soft_labels" not in opened.schema_arrow.names:
                return None
            _require_plausible(opened.metadata, file, classes)
            rows = opened.read(columns=["soft_labels"])["soft_labels"].to_pylist()
            return torch.tensor(rows, dtype=torch.float32)
    except (pyarrow.ArrowException, OSError, ValueError, TypeError) as error:
        raise UserError(f"{file.name}: no readable soft labels ({' '.join(str(error).split())[:100]})") from None


def _require_plausible(metadata: Any, file: Path, classes: int) -> None:
    count, size = metadata.num_rows, file.stat().st_size
    groups = [metadata.row_group(k) for k in range(metadata.num_row_groups)]
    columns = [group.column(k) for group in groups for k in range(group.num_columns)]
    values = sum(column.num_values for column in columns if column.path_in_schema.startswith("soft_labels."))
    if count > size or values > count * classes:
        raise UserError(
            f"{file.name}: claims {count} pictures and {values} soft labels for {classes} classes in {size} bytes"
        )
