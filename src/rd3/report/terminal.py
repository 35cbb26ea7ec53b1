"""Rankings on a terminal: one table a group, in the roomiest of four layouts that fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rd3.report.across import across
from rd3.report.across import sentence as across_sentence
from rd3.report.format import DASH, estimate, place, plain, seconds, size
from rd3.report.leaderboard import board_table, boards
from rd3.report.notes import NOT_SEPARABLE, SEEDS_ONLY, group_title, is_random, no_place, notes, references
from rd3.report.ranking import Group, Interval, Row, grouped, rank_intervals, ranks

LETTERS = {
    "teacher": "T",
    "teacher pool": "P",
    "pretrained teacher": "E",
    "diffusion prior": "D",
    "real patches": "R",
    "real images": "I",
    "extra data": "X",
    "undeclared": "?",
}
LEGEND = (
    "#: rank by accuracy and the ranks that paired tests of all pairs leave open (95 %, all rows together). "
    "Accuracy and its difference to random (vs random) in percent, ± half a 95 % t-interval; n: student seeds; "
    f"dr: draws (independent syntheses or subsets); {SEEDS_ONLY}: ± covers student seeds only; without it, draws and "
    "seeds. The whole target's ± covers seeds. "
    "HLR: points lost against the whole target on hard labels, less is better; IOR: points won over random; "
    "LRS: both in one number; ARS: IOR with and without augmentation in one number; both from 0 to 1, more is better. "
    "synth: time to make the images; images, labels: bytes."
)


@dataclass(frozen=True)
class Layout:
    """How much room a table takes.

    Attributes:
        between: what stands between a mean and its half-width; a line break makes the table narrow.
        gap: columns of space between cells.
        terse: whether units lose their space and scores their leading zero.
    """

    between: str = " ± "
    gap: int = 2
    terse: bool = False


LAYOUTS = (Layout(), Layout(gap=1), Layout("±", 1, terse=True), Layout("\n±", 1, terse=True))


def aid_letters(rows: Iterable[Row]) -> dict[str, str]:
    """A letter for every aid that the rows declare; aids without one of their own are numbered.

    >>> aid_letters([])
    {}
    """
    used = sorted({aid for row in rows for aid in row.aids})
    own = [aid for aid in used if aid not in LETTERS]
    return {aid: LETTERS.get(aid) or str(own.index(aid) + 1) for aid in used}


def ranking_table(rows: Sequence[Row], *, width: int = 120) -> Table:
    """One ranking as a table that fits in `width` columns where that is possible (from about 80).

    Args:
        rows: rows of one target, IPC, protocol and student; `ranking.grouped` puts them apart.
    """
    groups = grouped(rows)
    assert len(groups) == 1, f"one table shows one group of comparable rows, not {len(groups)}"
    console = Console(width=10_000)
    for layout in LAYOUTS:
        table = _table(groups[0], layout)
        if console.measure(table).maximum <= width:
            break
    table.caption = _caption(groups[0])
    return table


def print_ranking(console: Console, rows: Sequence[Row], sentences: Sequence[str] = ()) -> None:
    """Print every ranking, methods under their own protocols side by side, the legend, and what was found.

    That includes what the ranks over all cells of a protocol show.
    """
    for group in grouped(rows):
        console.print(ranking_table(group.rows, width=console.width))
        console.print()
    for board in boards(rows):
        console.print(board_table(board))
        console.print()
    aids = ", ".join(f"{letter} {plain(aid)}" for aid, letter in aid_letters(rows).items())
    console.print(Text(f"{LEGEND} aids: {aids or 'none'}.", style="dim"))
    for sentence in [*sentences, *map(across_sentence, across(rows))]:
        console.print(Text(f"\n{plain(sentence)}", style="bold"))


def _table(group: Group, layout: Layout) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, layout.gap - 1, 0, 0))
    table.title, table.title_justify, table.title_style = Text(group_title(group), style="bold"), "left", ""
    table.caption_justify, table.caption_style = "left", ""
    table.add_column("#", no_wrap=True)
    table.add_column("method", overflow="fold", max_width=24 if layout.gap > 1 else 16)
    two_lines = "\n" in layout.between
    for name in ("accuracy", "n", "dr", "vs random", "HLR", "IOR", "LRS", "ARS", "synth", "images", "labels"):
        table.add_column(name.replace(" ", "\n") if two_lines else name, justify="right", no_wrap=True)
    table.add_column("aids")
    letters = aid_letters(group.rows)
    for row, rank, interval in zip(group.rows, ranks(group), rank_intervals(group), strict=True):
        shown = place(rank, interval, unranked=no_place(row), between="\n" if two_lines else " ")
        cells = _cells(row, shown, layout, letters)
        table.add_row(*cells, style="italic" if is_random(row.method) else "")
    return table


def _cells(row: Row, rank: str, layout: Layout, letters: dict[str, str]) -> list[Text]:
    return [
        Text(rank),
        Text(plain(row.method)),
        Text(_points(row.accuracy, layout), style="bold"),
        Text(str(row.n)),
        Text(f"{row.draws}{SEEDS_ONLY if row.interval_covers == 'seeds' else ''}"),
        Text(_versus(row, layout)),
        Text(_points(row.hlr, layout)),
        Text(_points(row.ior, layout)),
        Text(_score(row.lrs, layout)),
        Text(_score(row.ars, layout)),
        *(Text(_unit(text, layout)) for text in (seconds(row.seconds.synthesise), *_sizes(row))),
        Text("".join(letters[aid] for aid in row.aids) or DASH),
    ]


def _sizes(row: Row) -> tuple[str, str]:
    return size(row.bytes.images), size(row.bytes.labels)


def _points(interval: Interval | None, layout: Layout, *, signed: bool = False) -> str:
    mean, half = estimate(interval, decimals=1, scale=100, signed=signed)
    return f"{mean}{layout.between}{half}" if half else mean


def _versus(row: Row, layout: Layout) -> str:
    versus = row.versus_random
    mark = NOT_SEPARABLE if versus is not None and not versus.separable else ""
    return mark + _points(versus, layout, signed=True)


def _score(interval: Interval | None, layout: Layout) -> str:
    parts = estimate(interval, decimals=3)
    mean, half = (part.replace("0.", ".", 1) if layout.terse else part for part in parts)
    return f"{mean}{layout.between}{half}" if half else mean


def _unit(text: str, layout: Layout) -> str:
    return text.replace(" ", "") if layout.terse else text


def _caption(group: Group) -> Text:
    lines = [references(group), *notes(group)]
    return Text("\n".join(line for line in lines if line))
