"""Records -> ranking rows: one a (target, method, IPC, protocol, student)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of
from rd3.scores.definitions import USUAL_WEIGHT, SubAccuracies, require_weights, score_cell
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
    target_fingerprint: str
    ipc: int | None
    protocol: str
    student: str
    method: str


class Cells:
    """Records by cell, each cell ordered by replicate."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._cells: dict[Cell, dict[int, Record]] = {}
        hashes: dict[str, str] = {}
        teachers: dict[tuple[str, str], set[str]] = {}
        for record in records:
            mark = record.protocol
            if hashes.setdefault(mark.id, mark.hash) != mark.hash:
                raise UserError(f"protocol {mark.id} has two hashes among these records; a ranking does not mix them")
            self._add(record)
            if record.settings.labels == "static" and not record.teachers:
                continue  # labelled by the images' own makers: that is what is ranked
            labelled = teachers.setdefault((record.target_fingerprint, mark.id), set(record.teachers))
            if labelled != set(record.teachers):
                raise UserError(
                    f"{record.target}, {mark.id}: the labels of these records come from different teachers;"
                    " rank them apart"
                )

    def _add(self, record: Record) -> None:
        cell = Cell(
            record.target,
            record.target_fingerprint,
            record.ipc,
            record.protocol.id,
            record.student,
            record.method,
        )
        known = self._cells.setdefault(cell, {}).setdefault(record.replicate, record)
        if known.fingerprint != record.fingerprint:
            place = f"{cell.method}, IPC {cell.ipc}, {cell.protocol}, {cell.student}, seed {record.replicate}"
            raise UserError(f"two runs of {place} on {cell.target}: {_what_differs(known, record)}; rank them apart")

    def ranked(self) -> list[Cell]:
        """Cells that get a row, in a stable order."""
        cells = [
            cell
            for cell, runs in self._cells.items()
            if cell.method != WHOLE and next(iter(runs.values())).protocol.purpose == "ranking"
        ]
        return sorted(
            cells, key=lambda c: (c.target, c.target_fingerprint, c.ipc or 0, c.protocol, c.student, c.method)
        )

    def runs(self, cell: Cell) -> dict[int, Record]:
        return dict(sorted(self._cells.get(cell, {}).items()))

    def accuracies(self, cell: Cell | None) -> dict[int, float]:
        return {} if cell is None else {replicate: run.accuracy for replicate, run in self.runs(cell).items()}

    def whole(self, cell: Cell) -> dict[int, float]:
        """Accuracies of the whole target under the protocol that the cell's runs name."""
        named = next(iter(self.runs(cell).values())).protocol.counterparts.whole
        return {} if named is None else self.accuracies(replace(cell, ipc=None, method=WHOLE, protocol=named))


def _what_differs(first: Record, second: Record) -> str:
    if first.teachers != second.teachers:
        return "their teachers differ"
    if first.images != second.images:
        return "their images differ"
    return "their settings or versions of rd3 differ"


def rows(records: Sequence[Record], *, w: float = USUAL_WEIGHT, gamma: float = USUAL_WEIGHT) -> list[dict[str, Any]]:
    """The ranking: groups in a stable order, and within a group from the best to the worst.

    Args:
        w: weight of IOR against HLR in LRS.
        gamma: weight of the augmented against the plain difference in ARS.

    Raises:
        UserError: the records mix two versions of a protocol, or a weight is outside [0, 1].
    """
    require_weights(w, gamma)
    cells = Cells(records)
    ranked = [(cell, _row(cells, cell, w=w, gamma=gamma)) for cell in cells.ranked()]
    answer = []
    for group in groups([row for _, row in ranked]):
        members = {id(row) for row in group}
        _compare_with_random([(cell, row) for cell, row in ranked if id(row) in members], cells)
        answer += sorted(group, key=lambda row: -row["accuracy"]["mean"])
    return answer


def groups(table: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows that may be ranked against each other: equal target, IPC, protocol hash and student."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in table:
        place = (row["target"], row["target_fingerprint"], row["ipc"], row["protocol"]["hash"], row["student"])
        found.setdefault(place, []).append(row)
    return list(found.values())


def _row(cells: Cells, cell: Cell, *, w: float, gamma: float) -> dict[str, Any]:
    runs = cells.runs(cell)
    first = next(iter(runs.values()))
    own, random, whole = cells.accuracies(cell), cells.accuracies(replace(cell, method=RANDOM)), cells.whole(cell)
    return {
        "target": cell.target,
        "target_fingerprint": cell.target_fingerprint,
        "method": cell.method,
        "ipc": cell.ipc,
        "protocol": {"id": first.protocol.id, "version": first.protocol.version, "hash": first.protocol.hash},
        "student": cell.student,
        "n": len(runs),
        "draws": len({run.draw for run in runs.values()}),
        "accuracy": _interval(own.values()),
        "random": _interval(random.values()),
        "whole": _interval(whole.values()),
        **_scores(cells, cell, own, random, whole, w=w, gamma=gamma),
        "weights": {"w": w, "gamma": gamma},
        "versus_random": None,
        "seconds": {name: _mean_seconds(runs.values(), name) for name in ("squeeze", "synthesise", "relabel", "train")},
        "bytes": {"images": first.bytes.images, "labels": first.bytes.labels},
        "fingerprint": fingerprint_of("row", sorted(run.fingerprint for run in runs.values())),
        "aids": sorted(first.aids),
        "rankable": first.protocol.not_rankable is None,
        "flags": sorted(
            {flag for run in runs.values() for flag in run.flags}
            | _mark(first)
            | _weak(whole, random)
            | _weighed(w, gamma)
        ),
    }


def _mean_seconds(runs: Iterable[Record], stage: str) -> float | None:
    """Mean over runs, None where the stage's time is not known."""
    found = [getattr(run.seconds, stage) for run in runs]
    return None if None in found else fmean(found)


def _weak(whole: dict[int, float], random: dict[int, float]) -> set[str]:
    """A reference that a handful of images beats was trained too little to measure a loss against."""
    if whole and random and fmean(whole.values()) < fmean(random.values()):
        return {"HLR and LRS mean little: the whole target, under its protocol, is below random images"}
    return set()


def _weighed(w: float, gamma: float) -> set[str]:
    usual = (w, gamma) == (USUAL_WEIGHT, USUAL_WEIGHT)
    return set() if usual else {f"weights other than the usual 0.5: w = {w:g} in LRS, gamma = {gamma:g} in ARS"}


def _mark(record: Record) -> set[str]:
    reason = record.protocol.not_rankable
    return {f"not rankable: {reason}"} if reason else set()


def _scores(
    cells: Cells,
    cell: Cell,
    own: dict[int, float],
    random: dict[int, float],
    whole: dict[int, float],
    *,
    w: float,
    gamma: float,
) -> dict[str, dict[str, float | None] | None]:
    """HLR, IOR, LRS, ARS over the replicates that all their parts have; None where a part is missing."""
    first = next(iter(cells.runs(cell).values()))
    marks = first.protocol.counterparts
    unnamed = {} if first.settings.soft else own  # soft labels without a hard counterpart have no A_sh
    hard = cells.accuracies(replace(cell, protocol=marks.hard)) if marks.hard else unnamed
    plain = cells.accuracies(replace(cell, protocol=marks.plain)) if marks.plain else {}
    plain_random = cells.accuracies(replace(cell, protocol=marks.plain, method=RANDOM)) if marks.plain else {}
    scores = score_cell(
        SubAccuracies(
            whole_hard=whole,
            synthetic_hard=hard,
            synthetic_own=own,
            random_own=random,
            synthetic_plain=plain,
            random_plain=plain_random,
        ),
        w=w,
        gamma=gamma,
    )
    found = {"hlr": scores.hlr, "ior": scores.ior, "lrs": scores.lrs, "ars": scores.ars}
    return {name: None if interval is None else _bounds(interval) for name, interval in found.items()}


def _interval(values: Iterable[float]) -> dict[str, float | None] | None:
    found = list(values)
    return _bounds(t_interval(found)) if found else None


def _bounds(interval: Interval) -> dict[str, float | None]:
    return {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _compare_with_random(ranked: list[tuple[Cell, dict[str, Any]]], cells: Cells) -> None:
    """Fill in each row's paired difference to random, with p corrected over the group (Holm)."""
    accuracies = {cell.method: cells.accuracies(cell) for cell, _ in ranked}
    random = accuracies.get(RANDOM, {})
    comparable = {method: runs for method, runs in accuracies.items() if runs.keys() & random.keys()}
    if len(comparable) < 2 or len(random) < 2:
        return
    test_images = next(iter(cells.runs(ranked[0][0]).values())).test_images
    found = {made.name: made for made in compare(comparable, reference=RANDOM, resolution=1 / test_images)}
    for cell, row in ranked:
        if cell.method in found:
            row["versus_random"] = _difference(found[cell.method])


def _difference(comparison: Comparison) -> dict[str, Any]:
    return {
        **_bounds(comparison.difference),
        "n": comparison.difference.n,
        "p": comparison.p,
        "p_holm": comparison.p_holm,
        "separable": comparison.separable,
        "seeds_needed": comparison.seeds_needed,
    }
