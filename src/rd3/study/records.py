"""Records: one JSON per finished run, self-sufficient, merged by copying files, queried with DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import Field

from rd3.base.errors import UserError
from rd3.base.spec import Spec
from rd3.evaluation.files import counterpart_ids
from rd3.evaluation.protocol import Counterparts, Protocol
from rd3.evaluation.settings import Settings
from rd3.study.store import ENTRY
from rd3.synthetic.soft_labels import SoftLabelForm

SCHEMA = "rd3.record/1"
NOTHING = "none"  # in place of a protocol's name
RECORD = "record.json"  # its name in the store


class ProtocolMark(Spec):
    """Which protocol a run was made under."""

    id: str
    version: int
    hash: str
    purpose: str
    not_rankable: str | None
    counterparts: Counterparts


def mark_of(protocol: Protocol, *, whole: str | None = None) -> ProtocolMark:
    """The mark of a protocol; `whole` is what its runs are scored against in place of what it names."""
    return ProtocolMark(
        id=protocol.id,
        version=protocol.version,
        hash=protocol.hash,
        purpose=protocol.purpose,
        not_rankable=protocol.not_rankable,
        counterparts=counterpart_ids(protocol).model_copy(update={"whole": whole} if whole else {}),
    )


class Seconds(Spec):
    """Where time went; `squeeze` and `synthesise` are those of the inputs, shared by many runs.

    Attributes:
        squeeze: of all teachers, those that labelled and those that the images were made under.
        teachers: of each, by fingerprint; empty in older records.
        synthesise: None for images made elsewhere.
    """

    squeeze: float
    teachers: dict[str, float] = Field(default={})
    synthesise: float | None
    relabel: float
    train: float
    report: float


class Bytes(Spec):
    """What the distilled data weigh; online labels count as if stored."""

    images: int
    labels: int


class Record(Spec):
    """What one run leaves behind.

    Attributes:
        fingerprint: of the run's specification.
        target, target_fingerprint: the real data.
        method: label of the method, `whole` for the whole target, or the name of an imported synthetic.
        ipc: images per class, None for the whole target.
        draw: which independent synthesis or subset.
        images: fingerprint of the synthetic, or `whole`.
        teachers: fingerprint -> test accuracy, of those that labelled.
        settings: the protocol resolved for this cell.
        own_labels: what the images' own soft labels are, where those were learned from; else None, as in older records.
        loop_revision: of the training loop; None in records that are older than this entry.
        replicate, seed: the repetition, and the seed made of its cell.
        accuracy: after the last epoch, a fraction. The result.
        peeked: best over the reported epochs; audit only, never ranked.
        curve: (epochs done, accuracy).
        lr: the learning rate that the student was trained with; None in records that are older than this entry.
        rates: where a rate was searched, each one with the accuracy that it was chosen by: on real training images held
            out, or on the test split where the settings say so.
        correct: per test image, bit-packed, in hex; `test_images` of them.
        seconds, bytes, teacher_forwards, peak_memory: costs.
        aids: what the method was helped by.
        flags: what had to give way, in words.
        environment: device, threads and library versions.
    """

    schema_id: str = SCHEMA
    fingerprint: str
    target: str
    target_fingerprint: str
    method: str
    ipc: int | None
    draw: int
    images: str
    teachers: dict[str, float]
    protocol: ProtocolMark
    settings: Settings
    own_labels: SoftLabelForm | None = None
    loop_revision: int | None = None
    student: str
    replicate: int
    seed: int
    accuracy: float
    peeked: float
    curve: tuple[tuple[int, float], ...]
    lr: float | None = None
    rates: tuple[tuple[float, float], ...] = ()
    correct: str
    test_images: int
    seconds: Seconds
    bytes: Bytes
    teacher_forwards: int
    peak_memory: int
    aids: tuple[str, ...]
    flags: tuple[str, ...]
    environment: dict[str, str]
    rd3_version: str


def read_records(places: Iterable[Path]) -> list[Record]:
    """All records in files and folders, ordered by fingerprint; equal copies count once.

    Raises:
        UserError: a file is not a record, or two of the same run and environment differ.
    """
    found: dict[str, Record] = {}
    for file in _record_files(places):
        record = _read(file)
        known = found.setdefault(record.fingerprint, record)
        _require_same_whole(known, record, file)
        if named_whole(known) is None and named_whole(record):
            known = found[record.fingerprint] = known.model_copy(update={"protocol": record.protocol})
        if known.accuracy == record.accuracy:
            continue
        if known.environment == record.environment:
            raise UserError(f"{file}: another record of the same run says {known.accuracy}, this one {record.accuracy}")
        # other machines and versions may round otherwise: the first is kept, and says so
        note = "made on several machines or versions, with accuracies that differ"
        found[record.fingerprint] = known.model_copy(update={"flags": tuple({*known.flags, note})})
    return [found[key] for key in sorted(found)]


def named_whole(record: Record) -> str | None:
    """The protocol of the whole target that a run is scored against; None where its study left that out."""
    whole = record.protocol.counterparts.whole
    return None if whole == NOTHING else whole


def _require_same_whole(known: Record, record: Record, file: Path) -> None:
    """One run serves two studies, and each may score it against another reference: neither is taken by chance."""
    first, second = named_whole(known), named_whole(record)
    if first and second and first != second:
        raise UserError(
            f"{file}: another record of the same run is scored against the whole target under {first}, this one"
            f" under {second}; rank them apart"
        )


def _record_files(places: Iterable[Path]) -> list[Path]:
    files: list[Path] = []
    for place in places:
        if place.is_dir():
            files += sorted(file for file in place.rglob("*.json") if _may_be_record(file))
        elif place.is_file():
            files.append(place)
        else:
            raise UserError(f"{place}: there is no such file or folder")
    return files


def _may_be_record(file: Path) -> bool:
    """Whether it lies where records lie: other JSON of studies and stores is passed over."""
    return file.parent.name == "records" or file.name == RECORD or not _inside_results(file)


def _inside_results(file: Path) -> bool:
    known = {ENTRY, "audit.json", "ranking.json", "study.json", "manifest.json", "teacher.json"}
    return file.name in known or file.parent.name == "protocols"


def _read(file: Path) -> Record:
    try:
        values = json.loads(file.read_text())
        if values.get("schema_id") != SCHEMA:
            raise UserError(f"{file}: not a record (schema {values.get('schema_id')!r}, expected {SCHEMA!r})")
        return Record.model_validate(values)
    except (ValueError, AttributeError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{file}: not a record ({str(error).splitlines()[0]})") from None


def query(records: Iterable[Record], sql: str) -> list[dict[str, Any]]:
    """Run SQL over the flat facts of records, as table `runs`.

    Columns: fingerprint, target, method, ipc, draw, protocol, student, replicate, accuracy, peeked, train_seconds.

    Raises:
        UserError: the query is wrong.

    >>> query([], "select count(*) as n from runs")
    [{'n': 0}]
    """
    import duckdb  # a tenth of a second, and few processes ask

    rows = [
        (r.fingerprint, r.target, r.method, r.ipc, r.draw, r.protocol.id, r.student, r.replicate, *_numbers(r))
        for r in records
    ]
    connection = duckdb.connect(":memory:")
    connection.execute(
        "create table runs (fingerprint text, target text, method text, ipc integer, draw integer, protocol text,"
        " student text, replicate integer, accuracy double, peeked double, train_seconds double)"
    )
    if rows:
        connection.executemany(f"insert into runs values ({', '.join('?' * len(rows[0]))})", rows)
    try:
        answer = connection.execute(sql)
    except duckdb.Error as error:
        raise UserError(f"sql: {' '.join(str(error).split())}") from None
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def _numbers(record: Record) -> tuple[float, float, float]:
    return record.accuracy, record.peeked, record.seconds.train
