"""What is known about a synthetic besides its pixels and labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, field_validator
from pydantic_core import to_jsonable_python

import rd3
from rd3.base.errors import UserError
from rd3.base.spec import GrowingSpec, Spec, parse
from rd3.data.mosaic import Decode
from rd3.data.spaces import PixelSpace
from rd3.synthetic.soft_labels import SoftLabelForm

SCHEMA_VERSION: Final = 1
DISTILLED = "distilled"

# facts about the run, not about the work: two saves that differ only here are the same synthetic
MEASURED = {"seconds", "peak_memory_bytes", "memory", "info", "rd3_version"}


class Seconds(GrowingSpec):
    """Wall-clock time, None where it is not known.

    Attributes:
        squeeze: of all teachers.
        teachers: of each, by fingerprint; empty in older manifests.
    """

    later: ClassVar[frozenset[str]] = frozenset({"teachers"})

    squeeze: float | None = None
    teachers: dict[str, float] = Field(default={})
    synthesise: float | None = None


class Memory(Spec):
    """Bytes by which the memory of the device grew for a synthesis, None where it is not known.

    Attributes:
        stated: at most, as the method said before.
        grown: as it was measured; on a CPU less where the process had room left from earlier work.
    """

    stated: int | None = None
    grown: int | None = None


class Manifest(GrowingSpec):
    """Where a synthetic comes from and what it cost.

    Attributes:
        method: name of the method, or for a foreign set what it was called at import.
        settings: of the method, as JSON.
        target, target_fingerprint: the real data it was distilled from, None where a foreign set does not say.
        classes: class names; label k is `classes[k]`.
        ipc: images per class, None if classes differ in it.
        draw: which independent synthesis it is (0, 1, …).
        seed: of the synthesis, None for foreign ones.
        teacher: fingerprint of the teacher, or None.
        peak_memory_bytes: of the device on a GPU, of the process on a CPU; `memory` is the synthesis's share.
        aids: what the method was helped by, see `rd3.methods.base.Method`.
        fingerprint: of the work that made it, or of the content for foreign ones.
        info: numbers worth keeping; NaN and infinities are stored as null.
        origin: `distilled`, or `imported from FORMAT`.
        soft_label_form: what its soft labels are; None where nobody says, and for sets without.
        decode: how each stored image, a mosaic, becomes several; None where it is one. `ipc` counts stored images.
        space: what the pixels were when they were imported or learned; None where nobody says. The images themselves
            are raw, but in a space without a way back.
    """

    later: ClassVar[frozenset[str]] = frozenset({"decode", "space", "memory"})

    schema_version: Literal[1] = SCHEMA_VERSION
    method: str
    settings: dict[str, Any] = Field(default_factory=dict)
    target: str | None
    target_fingerprint: str | None
    classes: tuple[str, ...]
    ipc: int | None
    draw: int = 0
    seed: int | None = None
    teacher: str | None = None
    aids: tuple[str, ...] = ()
    seconds: Seconds = Seconds()
    peak_memory_bytes: int | None = None
    memory: Memory = Memory()
    fingerprint: str
    info: dict[str, Any] = Field(default_factory=dict)
    rd3_version: str = Field(default_factory=lambda: rd3.__version__)
    origin: str = DISTILLED
    soft_label_form: SoftLabelForm | None = None
    decode: Decode | None = None
    space: PixelSpace | None = None

    @field_validator("settings", "info", mode="before")
    @classmethod
    def _plain_json(cls, value: Any) -> Any:
        # here and not at saving, so that what is loaded equals what was made
        return to_jsonable_python(value, inf_nan_mode="null")

    def same_work(self, other: Manifest) -> bool:
        """Whether both are the same but for what was measured while making them."""
        return self.model_dump(exclude=MEASURED) == other.model_dump(exclude=MEASURED)


class StoredFile(Spec):
    """What a file must still be when it is read."""

    sha256: str
    bytes: int


class Stored(Spec):
    """Content of `manifest.json`."""

    manifest: Manifest
    learned_lr: float | None
    files: dict[str, StoredFile]


def read_manifest(path: Path) -> Stored:
    """Read a `manifest.json`.

    Raises:
        UserError: unreadable, not JSON, of another schema version, or with a key that is wrong.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not readable as JSON"
        raise UserError(f"{path.name}: {reason}") from None
    manifest = values.get("manifest") if isinstance(values, dict) else None
    version = manifest.get("schema_version") if isinstance(manifest, dict) else None
    if version is not None and version != SCHEMA_VERSION:
        raise UserError(f"{path.name}: schema_version = {version!r}; this rd3 reads {SCHEMA_VERSION}")
    return parse(Stored, values, where=path.name)
