"""What differs between two records: protocol field by field, data, code, environment, teachers, seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rd3.base.errors import UserError, unknown
from rd3.base.spec import Spec
from rd3.study.audit.factors import FACTORS
from rd3.study.records import Record, read_records

SELECTORS = ("target", "method", "ipc", "draw", "protocol", "student", "replicate", "fingerprint")
MISSING = "–"
ACCURACY = "accuracy"
PROTOCOL, DATA, CODE, SEEDS, RESULT = "protocol", "data", "code and machine", "student and seed", "result"


class RecordChange(Spec):
    """Something in which two records differ.

    Attributes:
        part: which part of the work it belongs to.
        name: of the field; fields of the protocol also name their factor.
    """

    part: str
    name: str
    first: Any
    second: Any


def find_record(place: Path, wanted: Mapping[str, str]) -> Record:
    """The one record in a file or folder that has the wanted values.

    Args:
        wanted: key -> value, as texts; a fingerprint may be cut short.

    Raises:
        UserError: an unknown key, no such record, or several.
    """
    for key in wanted:
        if key not in SELECTORS:
            raise unknown("key of records", key, SELECTORS)
    found = [record for record in read_records([place]) if _fits(record, wanted)]
    words = " ".join(f"{key}={value}" for key, value in wanted.items())
    if not found:
        raise UserError(f"{place}: no record there{f' with {words}' if words else ''}")
    if len(found) > 1:
        raise UserError(f"{place}: {len(found)} records{f' with {words}' if words else ''}; {_choice(found)}")
    return found[0]


def _fits(record: Record, wanted: Mapping[str, str]) -> bool:
    values = _selectable(record)
    return all(
        values[key].startswith(value) if key == "fingerprint" else values[key] == value for key, value in wanted.items()
    )


def _selectable(record: Record) -> dict[str, str]:
    protocol = record.protocol.id
    return {name: protocol if name == "protocol" else str(getattr(record, name)) for name in SELECTORS}


def _choice(records: Sequence[Record]) -> str:
    """Which values would tell them apart."""
    values = [_selectable(record) for record in records]
    for key in SELECTORS:
        different = sorted({value[key] for value in values})
        if len(different) > 1:
            return f"choose one, for instance by {key}: {', '.join(different[:6])}{' …' * (len(different) > 6)}"
    raise AssertionError("records differ in their fingerprints")


def compare_records(first: Record, second: Record) -> tuple[RecordChange, ...]:
    """Everything in which two records differ, what decides the number first."""
    pairs = zip(_facts(first), _facts(second), strict=True)
    found = [RecordChange(part=part, name=name, first=a, second=b) for (part, name, a), (_, _, b) in pairs if a != b]
    machines = _both(_code(first), _code(second))
    found += [RecordChange(part=CODE, name=name, first=a, second=b) for name, a, b in machines]
    return (*found, *_results(first, second))


def _facts(record: Record) -> Iterator[tuple[str, str, Any]]:
    mark, settings = record.protocol, record.settings.as_json()
    yield PROTOCOL, "protocol", f"{mark.id} v{mark.version} ({mark.hash[:8]})"
    for factor in FACTORS:
        yield from ((PROTOCOL, f"{factor.name}: {name}", settings[name]) for name in factor.fields)
    yield DATA, "target", f"{record.target} ({record.target_fingerprint[:8]})"
    yield DATA, "images", f"{record.method} ({record.images[:8]})"
    yield DATA, "IPC", record.ipc
    yield DATA, "draw", record.draw
    yield DATA, "soft labels of its own", record.own_labels
    teachers = [f"{name[:8]} ({accuracy:.2%})" for name, accuracy in sorted(record.teachers.items())]
    yield "teachers", "teachers (test accuracy)", ", ".join(teachers) or None
    yield SEEDS, "student", record.student
    yield SEEDS, "replicate", record.replicate
    yield SEEDS, "seed", record.seed
    yield "flags", "aids", ", ".join(record.aids) or None
    yield "flags", "flags", "; ".join(record.flags) or None


def _code(record: Record) -> dict[str, str]:
    revision = {} if record.loop_revision is None else {"training loop": f"revision {record.loop_revision}"}
    return {**record.environment, "rd3": record.rd3_version, **revision}


def _both(first: Mapping[str, str], second: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    names = dict.fromkeys([*first, *second])
    pairs = ((name, first.get(name, MISSING), second.get(name, MISSING)) for name in names)
    return [(name, a, b) for name, a, b in pairs if a != b]


def _results(first: Record, second: Record) -> Iterator[RecordChange]:
    if first.accuracy != second.accuracy:
        yield RecordChange(part=RESULT, name=ACCURACY, first=first.accuracy, second=second.accuracy)
    if first.target_fingerprint == second.target_fingerprint and first.correct != second.correct:
        mine, theirs = (_bits(record) for record in (first, second))
        only = int((mine & ~theirs).sum()), int((theirs & ~mine).sum())
        yield RecordChange(part=RESULT, name="test images that it alone gets right", first=only[0], second=only[1])


def _bits(record: Record) -> np.ndarray[Any, np.dtype[np.bool_]]:
    packed = np.frombuffer(bytes.fromhex(record.correct), dtype=np.uint8)
    return np.unpackbits(packed, count=record.test_images).astype(bool)
