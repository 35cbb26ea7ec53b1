"""What every kind of audit says about where it was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import rd3
from rd3.base.spec import Spec
from rd3.study.audit.cell import Cell, Side
from rd3.study.records import Record

MIXED = "the runs come from several machines or versions, which may round otherwise"


class Facts(Spec):
    """Where an audit was made; accuracies are fractions.

    Attributes:
        ipc, student, seeds, test_images: of the cell; all runs share the seeds.
        teachers: who labelled in any run: fingerprint -> architecture.
        epochs_scale: what the epochs of all protocols were multiplied by; where it is not 1, all is `scaled`.
        runs: how many trainings it is made of.
        flags: what had to give way.
        environment: of the runs.
    """

    target: str
    target_fingerprint: str
    ipc: int
    student: str
    seeds: int
    test_images: int
    teachers: dict[str, str]
    epochs_scale: float
    runs: int
    flags: tuple[str, ...]
    environment: dict[str, str]
    rd3_version: str

    @property
    def scaled(self) -> bool:
        return self.epochs_scale != 1


def facts(cell: Cell, sides: Sequence[Side], records: Sequence[Record]) -> dict[str, Any]:
    """The fields of `Facts`."""
    labelled = {fingerprint for record in records for fingerprint in record.teachers}
    return {
        "target": cell.target.name,
        "target_fingerprint": cell.target.fingerprint,
        "ipc": sides[0].ipc,
        "student": cell.student,
        "seeds": len({record.replicate for record in records}),
        "test_images": records[0].test_images,
        "teachers": {teacher.fingerprint: teacher.name for teacher in cell.teachers if teacher.fingerprint in labelled},
        "epochs_scale": cell.epochs_scale,
        "runs": len({record.fingerprint for record in records}),
        "flags": tuple(_flags(cell, sides, records)),
        "environment": records[0].environment,
        "rd3_version": rd3.__version__,
    }


def _flags(cell: Cell, sides: Iterable[Side], records: Iterable[Record]) -> Iterator[str]:
    if cell.epochs_scale != 1:
        yield f"scaled: {cell.epochs_scale:g} times the epochs of every protocol"
    concerned: dict[str, dict[str, None]] = {}
    for who, flag in (flag for side in sides for flag in side.flags):
        concerned.setdefault(flag, {})[who] = None
    yield from (f"{', '.join(who)}: {flag}" for flag, who in concerned.items())
    if len({(tuple(sorted(record.environment.items())), record.rd3_version) for record in records}) > 1:
        yield MIXED
