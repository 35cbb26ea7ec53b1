"""Records -> ranking rows: one a (target, method, IPC, protocol, student)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of
from rd3.scores.definitions import SubAccuracies, score_cell
from rd3.scores.intervals import Interval, t_interval
from rd3.scores.ranking import Comparison, compare
from rd3.study.jobs.run import WHOLE
from rd3.study.plan import RANDOM
from rd3.study.records import Record

SCHEMA = "rd3.ranking/1"


@dataclass(frozen=True)
class Cell:
    """What is ranked: everything but the replicate."""

    target: str
    ipc: int | None
    protocol: str
    student: str
    method: str


class Cells:
    """Records by cell, each cell ordered by replicate."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._cells: dict[Cell, dict[int, Record]] = {}
        hashes: dict[str, str] = {}
        for record in records:
            mark = record.protocol
            if hashes.setdefault(mark.id, mark.hash) != mark.hash:
                raise UserError(f"protocol {mark.id} has two hashes among these records; a ranking does not mix them")
            cell = Cell(record.target, record.ipc, mark.id, record.student, record.method)
            self._cells.setdefault(cell, {})[record.replicate] = record

    def ranked(self) -> list[Cell]:
        """Cells that get a row, in a stable order."""
        cells = [
            cell
            for cell, runs in self._cells.items()
            if cell.method != WHOLE and next(iter(runs.values())).protocol.purpose == "ranking"
        ]
        return sorted(cells, key=lambda c: (c.target, c.ipc or 0, c.protocol, c.student, c.method))

    def runs(self, cell: Cell) -> dict[int, Record]:
        return dict(sorted(self._cells.get(cell, {}).items()))

    def accuracies(self, cell: Cell | None) -> dict[int, float]:
        return {} if cell is None else {replicate: run.accuracy for replicate, run in self.runs(cell).items()}

    def whole(self, cell: Cell) -> dict[int, float]:
        """Accuracies of the whole target under the protocol that the cell's protocol, or the study, names."""
        named = next(iter(self.runs(cell).values())).protocol.counterparts.whole
        same = [c for c in self._cells if (c.target, c.student, c.method) == (cell.target, cell.student, WHOLE)]
        exact = [c for c in same if c.protocol == named]
        chosen = exact or same
        if len(chosen) > 1:
            raise UserError(f"{cell.target}: several whole-target references ({', '.join(c.protocol for c in chosen)})")
        return self.accuracies(chosen[0]) if chosen else {}


def rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The ranking: groups in a stable order, and within a group from the best to the worst.

    Raises:
        UserError: the records mix two versions of a protocol.
    """
    cells = Cells(records)
    ranked = [_row(cells, cell) for cell in cells.ranked()]
    for group in groups(ranked):
        _compare_with_random(group, cells)
    return [row for group in groups(ranked) for row in sorted(group, key=lambda r: -r["accuracy"]["mean"])]


def groups(table: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows that may be ranked against each other: equal target, IPC, protocol hash and student."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in table:
        found.setdefault((row["target"], row["ipc"], row["protocol"]["hash"], row["student"]), []).append(row)
    return list(found.values())


def _row(cells: Cells, cell: Cell) -> dict[str, Any]:
    runs = cells.runs(cell)
    first = next(iter(runs.values()))
    own, random, whole = cells.accuracies(cell), cells.accuracies(_other(cell, method=RANDOM)), cells.whole(cell)
    return {
        "target": cell.target,
        "method": cell.method,
        "ipc": cell.ipc,
        "protocol": {"id": first.protocol.id, "version": first.protocol.version, "hash": first.protocol.hash},
        "student": cell.student,
        "n": len(runs),
        "draws": len({run.draw for run in runs.values()}),
        "accuracy": _interval(own.values()),
        "random": _interval(random.values()),
        "whole": _interval(whole.values()),
        **_scores(cells, cell, own, random, whole),
        "versus_random": None,
        "seconds": {name: _mean_seconds(runs.values(), name) for name in ("squeeze", "synthesise", "relabel", "train")},
        "bytes": {"images": first.bytes.images, "labels": first.bytes.labels},
        "fingerprint": fingerprint_of("row", sorted(run.fingerprint for run in runs.values())),
        "aids": sorted(first.aids),
        "rankable": first.protocol.not_rankable is None,
        "flags": sorted({flag for run in runs.values() for flag in run.flags} | _mark(first)),
    }


def _mean_seconds(runs: Iterable[Record], stage: str) -> float | None:
    """Mean over runs, None where the stage's time is not known."""
    found = [getattr(run.seconds, stage) for run in runs]
    return None if None in found else fmean(found)


def _mark(record: Record) -> set[str]:
    reason = record.protocol.not_rankable
    return {f"not rankable: {reason}"} if reason else set()


def _other(cell: Cell, *, method: str | None = None, protocol: str | None = None) -> Cell:
    return Cell(cell.target, cell.ipc, protocol or cell.protocol, cell.student, method or cell.method)


def _scores(
    cells: Cells, cell: Cell, own: dict[int, float], random: dict[int, float], whole: dict[int, float]
) -> dict[str, dict[str, float | None] | None]:
    """HLR, IOR, LRS, ARS over the replicates that all their parts have; None where a part is missing."""
    marks = next(iter(cells.runs(cell).values())).protocol.counterparts
    hard = cells.accuracies(_other(cell, protocol=marks.hard)) if marks.hard else own
    plain = cells.accuracies(_other(cell, protocol=marks.plain)) if marks.plain else {}
    plain_random = cells.accuracies(_other(cell, protocol=marks.plain, method=RANDOM)) if marks.plain else {}
    scores = score_cell(
        SubAccuracies(
            whole_hard=whole,
            synthetic_hard=hard,
            synthetic_own=own,
            random_own=random,
            synthetic_plain=plain,
            random_plain=plain_random,
        )
    )
    found = {"hlr": scores.hlr, "ior": scores.ior, "lrs": scores.lrs, "ars": scores.ars}
    return {name: None if interval is None else _bounds(interval) for name, interval in found.items()}


def _interval(values: Iterable[float]) -> dict[str, float | None] | None:
    found = list(values)
    return _bounds(t_interval(found)) if found else None


def _bounds(interval: Interval) -> dict[str, float | None]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _compare_with_random(group: list[dict[str, Any]], cells: Cells) -> None:
    """Fill in each row's paired difference to random, with p corrected over the group (Holm)."""
    accuracies = {row["method"]: cells.accuracies(_cell_of(row)) for row in group}
    if RANDOM not in accuracies or len(accuracies) < 2:
        return
    shared = sorted(set.intersection(*(set(values) for values in accuracies.values())))
    columns = {method: [values[replicate] for replicate in shared] for method, values in accuracies.items()}
    if len(shared) < 2:
        return
    found = {comparison.name: comparison for comparison in compare(columns, reference=RANDOM)}
    for row in group:
        comparison = found.get(row["method"])
        row["versus_random"] = None if comparison is None else _difference(comparison)


def _cell_of(row: dict[str, Any]) -> Cell:
    return Cell(row["target"], row["ipc"], row["protocol"]["id"], row["student"], row["method"])


def _difference(comparison: Comparison) -> dict[str, Any]:
    return {
        **_bounds(comparison.difference),
        "p": comparison.p,
        "p_holm": comparison.p_holm,
        "separable": comparison.separable,
        "seeds_needed": comparison.seeds_needed,
    }
