"""The precision that runs were trained in: a fact of theirs, not of their specification."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rd3.base.errors import UserError
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunJob, record_of
from rd3.study.records import Record
from rd3.study.store import Store
from rd3.training.execution import asked_precision

FIRST = "float32"  # of records that are older than the entry


def precision_of(record: Record) -> str:
    return record.environment.get("precision", FIRST)


def mixed_precision(records: Iterable[Record]) -> set[str]:
    """A flag where records that stand beside each other were trained in several precisions."""
    found = sorted({precision_of(record) for record in records})
    return {f"compares students trained in {' and in '.join(found)}"} if len(found) > 1 else set()


def precision_notes(records: Iterable[Record]) -> set[str]:
    """What a reader of these results must know: several precisions, or one other than float32."""
    kept = list(records)
    others = {precision_of(record) for record in kept} - {FIRST}
    return mixed_precision(kept) or {f"students trained in {name}" for name in others}


def require_asked_precision(jobs: Sequence[Job], store: Store) -> None:
    """Refuse to answer from the store with another precision than what was asked for.

    Raises:
        UserError: a run is there in another one.
    """
    asked = asked_precision()
    if asked is None:
        return
    for job in jobs:
        if isinstance(job, RunJob) and store.has(job.kind, job.fingerprint):
            found = precision_of(record_of(job, store))
            if found != asked:
                raise UserError(
                    f"precision = {asked}: the store has '{job.title}' in {found}; leave the switch out, or give"
                    " another --home"
                )
