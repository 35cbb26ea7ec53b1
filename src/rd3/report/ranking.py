"""The ranking that a study leaves, as typed rows, and the groups within which rows may be compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.report.rows import Interval, ProtocolName, Rank, Row, Versus

__all__ = [
    "Group",
    "GroupKey",
    "Interval",
    "Rank",
    "Row",
    "Versus",
    "grouped",
    "rank_intervals",
    "ranks",
    "read_ranking",
    "rows_from",
]
SCHEMA = "rd3.ranking/1"


class GroupKey(NamedTuple):
    """Rows are comparable only if all of this is equal: a protocol's hash is part of it."""

    target: str
    ipc: int
    protocol: ProtocolName
    student: str
    target_fingerprint: str = ""


class Group(NamedTuple):
    """Comparable rows, the most accurate first."""

    key: GroupKey
    rows: tuple[Row, ...]


def rows_from(values: Iterable[Mapping[str, Any]], *, where: str = "ranking") -> list[Row]:
    """Typed rows of plain JSON ones.

    Raises:
        UserError: names the row, the key, the value and what is allowed.
    """
    return [parse(Row, value, where=f"{where}, row {number}") for number, value in enumerate(values, start=1)]


def read_ranking(path: Path) -> list[Row]:
    """The rows of a `ranking.json`.

    Raises:
        UserError: the file is unreadable or is no ranking of this schema.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error})") from None
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema != SCHEMA or not isinstance(content.get("rows"), list):
        raise UserError(f"{path}: schema = {schema!r}, expected '{SCHEMA}' with a list of rows")
    return rows_from(content["rows"], where=str(path))


def grouped(rows: Iterable[Row]) -> list[Group]:
    """Rows put together with what they may be compared with; groups in order of first appearance."""
    groups: dict[GroupKey, list[Row]] = {}
    for row in rows:
        groups.setdefault(GroupKey(row.target, row.ipc, row.protocol, row.student, row.target_fingerprint), []).append(
            row
        )
    return [Group(key, tuple(sorted(members, key=_best_first))) for key, members in groups.items()]


def _best_first(row: Row) -> tuple[float, str]:
    return -row.accuracy.mean, row.method


def ranks(group: Group) -> list[int | None]:
    """Place of each row, counting only the rows that may be ranked.

    If none may, as under a shortened protocol, they are ranked among themselves, unless anything was chosen on the
    test split. A row that stands alone has no place.
    """
    if len(group.rows) == 1:
        return [None]
    alone = not any(row.rankable or row.peeks for row in group.rows)
    places: list[int | None] = []
    count = 0
    for row in group.rows:
        count += row.rankable or alone
        places.append(count if row.rankable or alone else None)
    return places


def rank_intervals(group: Group) -> list[Rank | None]:
    """The rank of each row with its interval; None where it is not known or counts rows that are not shown."""
    known = [row.rank for row in group.rows]
    complete = all(rank is not None and rank.high <= len(known) for rank in known)
    agrees = complete and [rank and rank.value for rank in known] == ranks(group)
    return known if agrees else [None for _ in known]
