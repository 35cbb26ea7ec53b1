"""DD-Ranking's leaderboard on a terminal: methods side by side, each under a protocol of its own.

A ranking never mixes protocols. HLR, IOR, LRS and ARS compare with references under the same protocol, so that they can
stand in one table, as DD-Ranking (arXiv 2505.13300) has them; it is ordered by LRS and gives no ranks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from rd3.report.format import DASH, percent, plain, score
from rd3.report.method_names import short_names
from rd3.report.notes import MARK, NOT_SEPARABLE, is_random
from rd3.report.ranking import Row

CAPTION = (
    "Each method under its own protocol, ordered by LRS; protocols differ, so the order is no ranking. Accuracy, "
    "HLR (points lost against the whole target on hard labels) and IOR (points won over random images) in percent, LRS "
    f"and ARS from 0 to 1; ± half a 95 % t-interval. {NOT_SEPARABLE}: not separable from random; {MARK}: the "
    "protocol or one of its references is cut, or for comparison only."
)


class Board(NamedTuple):
    """Scored rows of one target, IPC and student, the best LRS first."""

    target: str
    ipc: int
    student: str
    rows: tuple[Row, ...]


def boards(rows: Iterable[Row]) -> list[Board]:
    """One for each (target, IPC, student) that has methods under protocols that not all of its methods share.

    Random images are no method of it: they are what IOR compares with. Under a shared protocol methods stand together
    in its ranking. Rows without LRS are on no board, nor are those under hard labels that are A_sh of another row.
    """
    cells: dict[tuple[str, int, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        cells[row.target, row.ipc, row.student, row.target_fingerprint].append(row)
    found = []
    for (target, ipc, student, _), members in cells.items():
        parts = {(row.method, row.hard_counterpart) for row in members}
        scored = [row for row in _of_their_own(members) if row.lrs is not None and not is_random(row.method)]
        own = [row for row in scored if (row.method, row.protocol.id) not in parts]
        if len({row.protocol for row in own}) > 1:
            found.append(Board(target, ipc, student, tuple(sorted(own, key=_best_first))))
    return found


def board_table(board: Board) -> Table:
    """Label kind, protocol, accuracy and scores, a method a row."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    title = f"{plain(board.target)} · IPC {board.ipc} · own protocols · {plain(board.student)}"
    table.title, table.title_justify, table.title_style = Text(title, style="bold"), "left", ""
    table.caption_justify, table.caption_style = "left", ""
    for name in ("method", "labels", "protocol"):
        table.add_column(name, overflow="fold")
    for name in ("n", "accuracy", "HLR", "IOR", "LRS", "ARS"):
        table.add_column(name, justify="right", no_wrap=True)
    names = short_names(row.method for row in board.rows)
    for row in board.rows:
        table.add_row(*map(Text, _cells(row, names[row.method])))
    table.caption = Text("\n".join((CAPTION, *_settings(names))))
    return table


def _of_their_own(rows: Sequence[Row]) -> list[Row]:
    """Those under protocols that some method of the rows lacks."""
    methods = {row.method for row in rows}
    under: dict[object, set[str]] = defaultdict(set)
    for row in rows:
        under[row.protocol].add(row.method)
    return [row for row in rows if under[row.protocol] != methods]


def _best_first(row: Row) -> tuple[float, str]:
    assert row.lrs is not None
    return -row.lrs.mean, row.method


def _cells(row: Row, name: str) -> list[str]:
    unclear = row.versus_random is not None and not row.versus_random.separable
    return [
        plain(name),
        row.label_kind or DASH,
        plain(row.protocol.id) + ("" if row.rankable else f" {MARK}"),
        str(row.n),
        percent(row.accuracy),
        percent(row.hlr),
        (NOT_SEPARABLE if unclear else "") + percent(row.ior),
        score(row.lrs),
        score(row.ars),
    ]


def _settings(names: dict[str, str]) -> list[str]:
    """What the short names leave out, a line a method."""
    return [f"{plain(short)}: {plain(label)}" for label, short in names.items() if short != label]
