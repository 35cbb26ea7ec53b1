"""What `rd3 audit records` does: the plain list of what differs between two finished runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rd3.base.errors import UserError
from rd3.base.files import write_atomic
from rd3.cli.study_run import table_console
from rd3.report.audit_terminal import changes_table
from rd3.study.audit.compare import compare_records, find_record
from rd3.study.records import Record

if TYPE_CHECKING:
    from rd3.cli.verbs.audit import Records

SCHEMA = "rd3.audit-records/1"


def compare(options: Records) -> int:
    """Find the two records, and show what differs."""
    first = find_record(options.place_a, _wanted([*options.where, *options.first]))
    second = find_record(options.place_b, _wanted([*options.where, *options.second]))
    found = compare_records(first, second)
    names = [_name(record) for record in (first, second)]
    console = table_console()
    if found:
        console.print(changes_table(found, ("A", "B")))
    for letter, name in zip("AB", names, strict=True):
        console.print(f"{letter}: {name}", markup=False, highlight=False)
    if not found:
        console.print("They do not differ.")
    if options.out is not None:
        content = {
            "schema_id": SCHEMA,
            "first": first.fingerprint,
            "second": second.fingerprint,
            "changes": [change.as_json() for change in found],
        }
        write_atomic(options.out, json.dumps(content, indent=1))
    return 0


def _wanted(words: Sequence[str]) -> dict[str, str]:
    wanted = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise UserError(f"{word}: expected KEY=VALUE, for instance method=herding")
        wanted[key] = value
    return wanted


def _name(record: Record) -> str:
    return (
        f"{record.method}, IPC {record.ipc}, on {record.target} under {record.protocol.id}, {record.student}, seed"
        f" {record.replicate}: {100 * record.accuracy:.1f} % ({record.fingerprint})"
    )
