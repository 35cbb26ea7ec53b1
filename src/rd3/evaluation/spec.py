"""What one run is made of."""

from __future__ import annotations

from pydantic import Field

from rd3.base.seeds import derive_seed
from rd3.base.spec import Spec, fingerprint_of
from rd3.evaluation.settings import Settings
from rd3.models.plugin import model_sources
from rd3.synthetic.soft_labels import SoftLabelForm
from rd3.training.augment.base import AUGMENTATIONS
from rd3.training.loop import LOOP_REVISION


class RunSpec(Spec):
    """One student, one protocol, one seed.

    Attributes:
        images: fingerprint of the synthetic, or `whole` for the target's whole training split.
        target: fingerprint of the real data.
        protocol, protocol_hash: id and hash; the id enters the seed.
        settings: the protocol resolved for this cell.
        teachers: fingerprints of the teachers that label; empty under hard labels, so that those runs are shared, and
            where the images bring labels of their own.
        own_labels: what the images' own soft labels are, where those are what is learned from; else None.
        ipc: images per class, None for the whole target.
        replicate: which repetition, from 0.
        sources: digests of the source of plug-ins among the student and the augmentations.
    """

    images: str
    target: str
    protocol: str
    protocol_hash: str
    settings: Settings
    student: str
    teachers: tuple[str, ...]
    ipc: int | None
    replicate: int
    own_labels: SoftLabelForm | None = None
    sources: dict[str, str] = Field(default_factory=dict)
    loop_revision: int = LOOP_REVISION

    @property
    def fingerprint(self) -> str:
        values = {**self.as_json(), "settings": self.settings.hashed()}
        if self.own_labels is None:  # a later field: left out as if it did not exist
            del values["own_labels"]
        if not self.sources:  # another
            del values["sources"]
        return fingerprint_of("run", values)

    @property
    def seed(self) -> int:
        """Made of the cell, not of the method: methods are compared seed by seed."""
        ipc = "whole" if self.ipc is None else self.ipc
        return derive_seed("run", self.protocol, self.target, ipc, self.student, self.replicate)


def sources_of(student: str, settings: Settings) -> dict[str, str]:
    """Digests of the source of all that lives elsewhere and enters a run; empty where nothing does."""
    found = model_sources(student)
    for operation in settings.augment:
        found |= AUGMENTATIONS.source(str(operation.get("kind")))
    return found
