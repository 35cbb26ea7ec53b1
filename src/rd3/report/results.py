"""What records say of one distilled set, with random real images of the same size beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rd3.report.rows import Interval
from rd3.scores.nested import by_draw, nested
from rd3.study.asked import RANDOM
from rd3.study.audit.mixture import is_mixture
from rd3.study.records import ProtocolMark, Record, read_records
from rd3.synthetic.artifact import Synthetic


@dataclass(frozen=True)
class Result:
    """A set under one protocol, with one student and the same labelling teachers.

    Attributes:
        n, accuracy: runs, and their mean last-epoch accuracy on the test split with a 95 % t-interval over seeds.
        random, random_n: the same of random real images of this IPC; None where there are no such records.
        flags: what has to be said beside the numbers.
    """

    target: str
    protocol: ProtocolMark
    student: str
    n: int
    accuracy: Interval
    random: Interval | None
    random_n: int
    flags: tuple[str, ...]


def results_of(synthetic: Synthetic, places: Sequence[Path]) -> list[Result]:
    """Results of all records of this very set in files and folders.

    Raises:
        UserError: a file is no record, or nothing is at a place.
    """
    records = [record for record in read_records(places) if not is_mixture(record.protocol)]
    fingerprint = synthetic.manifest.fingerprint
    own: dict[tuple[object, ...], list[Record]] = {}
    for record in records:
        if record.images == fingerprint:
            own.setdefault(_cell(record), []).append(record)
    others = [record for record in records if record.method == RANDOM and record.images != fingerprint]
    found = [_result(runs, [record for record in others if _cell(record) == cell]) for cell, runs in own.items()]
    return sorted(found, key=lambda result: (result.protocol.id, result.protocol.hash, result.student))


def _cell(record: Record) -> tuple[object, ...]:
    teachers = tuple(sorted(record.teachers))
    return record.target_fingerprint, record.ipc, record.protocol.hash, record.student, teachers


def _result(runs: list[Record], random: list[Record]) -> Result:
    first = runs[0]
    return Result(
        target=first.target,
        protocol=first.protocol,
        student=first.student,
        n=len(runs),
        accuracy=_interval(runs),
        random=_interval(random) if random else None,
        random_n=len(random),
        flags=tuple(sorted({flag for run in runs for flag in run.flags} | _not_rankable(first))),
    )


def _not_rankable(record: Record) -> set[str]:
    reason = record.protocol.not_rankable
    return {f"not rankable: {reason}"} if reason else set()


def _interval(runs: list[Record]) -> Interval:
    accuracies = {run.replicate: run.accuracy for run in runs}
    interval = nested(by_draw(accuracies, {run.replicate: run.images for run in runs})).interval
    return Interval(mean=interval.mean, low=interval.low, high=interval.high)
