"""Records by cell: everything that is ranked but the replicate, and what a ranking refuses to mix."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace

from rd3.base.errors import UserError
from rd3.study.audit.mixture import is_mixture
from rd3.study.jobs.run import WHOLE
from rd3.study.records import Record, named_whole


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
        self._wholes: dict[Cell, str] = {}
        for record in records:
            mark = record.protocol
            if is_mixture(mark):
                continue
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
        self._add_whole(cell, record)
        known = self._cells.setdefault(cell, {}).setdefault(record.replicate, record)
        if known.fingerprint != record.fingerprint:
            place = f"{cell.method}, IPC {cell.ipc}, {cell.protocol}, {cell.student}, seed {record.replicate}"
            raise UserError(f"two runs of {place} on {cell.target}: {_what_differs(known, record)}; rank them apart")

    def _add_whole(self, cell: Cell, record: Record) -> None:
        """One reference for the whole group; runs that name none are scored against that of the others."""
        named = named_whole(record)
        if named and self._wholes.setdefault(replace(cell, method=""), named) != named:
            first, second = sorted((named, self._wholes[replace(cell, method="")]))
            raise UserError(
                f"{cell.target}, IPC {cell.ipc}, {cell.protocol}, {cell.student}: these records are scored against the"
                f" whole target under both {first} and {second}; rank them apart"
            )

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

    def draws(self, cell: Cell | None) -> dict[int, Hashable]:
        """Replicate -> which independent synthesis or subset it judged."""
        return {} if cell is None else {replicate: draw_of(run) for replicate, run in self.runs(cell).items()}

    def whole(self, cell: Cell) -> Cell | None:
        """The whole target under the protocol that the runs of the cell's group name."""
        named = self._wholes.get(replace(cell, method=""))
        return None if named is None else replace(cell, ipc=None, method=WHOLE, protocol=named)


def draw_of(record: Record) -> Hashable:
    """What makes a synthesis or subset another one: its number, and what its images were made from."""
    return record.draw, record.images


def _what_differs(first: Record, second: Record) -> str:
    if first.teachers != second.teachers:
        return "their teachers differ"
    if first.images != second.images:
        return "their images differ"
    return "their settings or versions of rd3 differ"
