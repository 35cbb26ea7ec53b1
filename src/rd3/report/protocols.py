"""Protocols on a terminal: what one is, setting by setting, and how two differ."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rd3.evaluation.card import Difference, Line, differences, facts, lines, remark, resolved_lines, why_not_rankable
from rd3.evaluation.conditions import Cell
from rd3.evaluation.protocol import Protocol

COLOURS = {"stated": "green", "code": "green", "inferred": "yellow", "unverified": "red"}


def print_card(console: Console, protocol: Protocol, cell: Cell | None = None) -> None:
    """Print a protocol in full; with a cell, the values that hold there.

    Raises:
        UserError: the values do not go together in the cell.
    """
    found, flags = (lines(protocol), ()) if cell is None else resolved_lines(protocol, cell)
    console.print(_facts({name: text for name, text in facts(protocol).items() if text}))
    console.print()
    if cell is not None:
        console.print(Text(_place(cell), style="bold"))
    console.print(_settings(found))
    for flag in flags:
        console.print(Text(flag, style="yellow"))


def print_differences(console: Console, left: Protocol, right: Protocol, cell: Cell | None = None) -> None:
    """Print the settings that two protocols do not share.

    Raises:
        UserError: the values of one do not go together in the cell.
    """
    for protocol in (left, right):
        limit = why_not_rankable(protocol)
        console.print(Text(f"{protocol.id}: {protocol.title}{f' (not rankable: {limit})' if limit else ''}"))
    if cell is not None:
        console.print(Text(_place(cell), style="bold"))
    found = differences(left, right, cell)
    console.print(_differences(found, left.id, right.id) if found else Text("the same in every setting"))


def _place(cell: Cell) -> str:
    return f"on {cell.target.name}, IPC {cell.ipc}, with {cell.student}"


def _facts(texts: dict[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in texts.items():
        grid.add_row(name, Text(text, style="bold" if name in ("protocol", "title") else ""))
    return grid


def _settings(found: Sequence[Line]) -> Table:
    table = _table("setting", "value", "provenance", "source, note")
    for line in found:
        table.add_row(
            Text(line.name, style="bold"),
            Text(line.value),
            Text(line.provenance, style=COLOURS.get(line.provenance, "")),
            Text(remark(line), style="dim"),
        )
    return table


def _differences(found: Sequence[Difference], left: str, right: str) -> Table:
    table = _table("setting", left, right)
    for difference in found:
        table.add_row(Text(difference.name, style="bold"), Text(difference.left), Text(difference.right))
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column(columns[0], no_wrap=True)
    for name in columns[1:]:
        table.add_column(name, overflow="fold")
    return table
