"""What one run is made of."""

from __future__ import annotations

from rd3.base.seeds import derive_seed
from rd3.base.spec import Spec, fingerprint_of
from rd3.evaluation.settings import Settings
from rd3.synthetic.soft_labels import SoftLabelForm
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
    loop_revision: int = LOOP_REVISION

    @property
    def fingerprint(self) -> str:
        values = {**self.as_json(), "settings": self.settings.hashed()}
        if self.own_labels is None:  # a later field: left out as if it did not exist
            del values["own_labels"]
        return fingerprint_of("run", values)

    @property
    def seed(self) -> int:
        """Made of the cell, not of the method: methods are compared seed by seed."""
        ipc = "whole" if self.ipc is None else self.ipc
        return derive_seed("run", self.protocol, self.target, ipc, self.student, self.replicate)
