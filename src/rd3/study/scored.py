"""HLR, IOR, LRS and ARS of a ranked cell, from the records of all cells that they are made of."""

from __future__ import annotations

from dataclasses import replace

from rd3.evaluation.derived import is_own_hard
from rd3.scores.definitions import SubAccuracies, score_replicates
from rd3.scores.intervals import Interval
from rd3.scores.nested import by_draw, nested
from rd3.study.asked import RANDOM
from rd3.study.cells import Cell, Cells

# Which sub-accuracies a score is made of: its interval covers the draws of each that has several.
MADE_OF = {
    "hlr": ("whole_hard", "synthetic_hard"),
    "ior": ("synthetic_own", "random_own"),
    "lrs": ("whole_hard", "synthetic_hard", "synthetic_own", "random_own"),
    "ars": ("synthetic_own", "random_own", "synthetic_plain", "random_plain"),
}


def scores(cells: Cells, cell: Cell, *, w: float = 0.5, gamma: float = 0.5) -> dict[str, Interval | None]:
    """Every score over the replicates that all its parts have; None where a part is missing.

    Args:
        w, gamma: weights of LRS and ARS.
    """
    parts = parts_of_cell(cells, cell)
    accuracies = SubAccuracies(**{name: cells.accuracies(part) for name, part in parts.items()})
    found = score_replicates(accuracies, w=w, gamma=gamma)
    draws = {name: cells.draws(part) for name, part in parts.items()}
    return {
        name: nested(by_draw(values, *(draws[part] for part in MADE_OF[name]))).interval if values else None
        for name, values in found.items()
    }


def parts_of_cell(cells: Cells, cell: Cell) -> dict[str, Cell | None]:
    """Field of `SubAccuracies` -> the cell that gives it, None where the cell's protocol has no such part."""
    marks = next(iter(cells.runs(cell).values())).protocol.counterparts
    plain = replace(cell, protocol=marks.plain) if marks.plain else None
    return {
        "whole_hard": cells.whole(cell),
        "synthetic_hard": _hard(cells, cell),
        "synthetic_own": cell,
        "random_own": replace(cell, method=RANDOM),
        "synthetic_plain": plain,
        "random_plain": plain and replace(plain, method=RANDOM),
    }


def _hard(cells: Cells, cell: Cell) -> Cell | None:
    """The cell itself where its hard-label counterpart trains the same here, as hard protocols do everywhere."""
    first = next(iter(cells.runs(cell).values()))
    if first.protocol.counterparts.hard is None:
        return None if first.settings.soft else cell  # soft labels without a hard counterpart have no A_sh
    hard = replace(cell, protocol=first.protocol.counterparts.hard)
    runs = list(cells.runs(hard).values())
    return cell if runs and is_own_hard(first.settings, runs[0].settings) else hard
