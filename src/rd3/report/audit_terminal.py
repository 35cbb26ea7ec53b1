"""Audits on a terminal: what differs, a waterfall of text, the ladder, and a paragraph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rd3.report.audit_steps import Step, names_of, shares, shown, side_names, step_text
from rd3.report.audit_values import field_text
from rd3.report.audit_words import audit_sentences, place, rectification_sentences
from rd3.report.format import p_value, percent, plain
from rd3.report.notes import NOT_SEPARABLE
from rd3.study.audit.compare import ACCURACY, RecordChange
from rd3.study.audit.rectification import Rectification
from rd3.study.audit.result import Audit, FactorFacts, SideName

BAR = 30  # columns of a waterfall
LEVEL, GAIN, LOSS, NOTHING = "◆", "█", "▒", "│"


def print_audit(console: Console, audit: Audit) -> None:
    """What differs, the waterfall, the ladder, and what was found."""
    _title(console, place(audit))
    if audit.factors:
        console.print(factor_table(audit.factors, audit.start, audit.end))
    console.print(waterfall(shares(audit)))
    if len(audit.factors) > 1:
        console.print(ladder_table(audit))
    _words(console, audit_sentences(audit), audit.flags)


def print_rectification(console: Console, found: Rectification) -> None:
    """The methods before and after, and what was found."""
    _title(console, place(found))
    console.print(rectification_table(found))
    _words(console, rectification_sentences(found), found.flags)


def factor_table(factors: Iterable[FactorFacts], start: SideName, end: SideName) -> Table:
    """What two sides differ in, field by field."""
    table = _table("what differs", "field", *names_of(start, end))
    for factor in factors:
        name = factor.name
        for change in factor.changes:
            table.add_row(Text(name), Text(change.field), *map(_value, (change.start, change.end)))
            name = ""
        if "images" in factor.parts:
            sets = (f"{side.method} ({side.images[:6]})" for side in (start, end))
            table.add_row(Text(name), "images" if factor.changes else "", *map(_value, sets))
        if factor.together is not None:
            table.add_row("", Text(f"together, as {plain(factor.together)}", style="dim"), "", "")
    return table


def waterfall(steps: Sequence[Step], *, width: int = BAR) -> Table:
    """Steps as bars of characters on one axis: ◆ a level, █ a gain, ▒ a loss, │ too little to see."""
    low, high = min(step.end for step in steps), max(step.end for step in steps)
    scale = (width - 1) / ((high - low) or 1)
    table = _table("", "%", "")
    table.columns[1].justify = "right"
    for step in steps:
        first, last = sorted(round((at - low) * scale) for at in (step.start, step.end))
        bar = " " * first + _bar(step, last - first)
        table.add_row(Text(step.name), Text(step_text(step)), Text(bar), style="bold" if step.level else "")
    return table


def _bar(step: Step, cells: int) -> str:
    if step.level:
        return LEVEL
    return (GAIN if step.added > 0 else LOSS) * (cells + 1) if cells else NOTHING


def ladder_table(audit: Audit) -> Table:
    """One factor at a time, in the stated order."""
    table = _table("one at a time, in this order", "accuracy, %", "step", "p (Holm)", "")
    table.add_row(Text(side_names(audit)[0]), Text(percent(shown(audit.start.accuracy))), "", "", "")
    for rung in audit.ladder:
        mark = "" if rung.separable else NOT_SEPARABLE
        needed = f"needs about {rung.seeds_needed} seeds" if rung.seeds_needed else ""
        cells = (percent(shown(rung.accuracy)), mark + percent(shown(rung.difference), signed=True))
        table.add_row(Text(f"+ {audit.names[rung.factor]}"), *map(Text, cells), p_value(rung.p_holm), Text(needed))
    for column in table.columns[1:4]:
        column.justify = "right"
    return table


def rectification_table(found: Rectification) -> Table:
    """Methods before and after, the best before first, and the gap."""
    table = _table("#", "method", "own protocol", "before, %", f"after, % ({plain(found.common)})", "change", "#")
    for method in found.methods:
        numbers = (percent(shown(method.before)), percent(shown(method.after)))
        mark = "" if method.separable or method.hash == found.hash else NOT_SEPARABLE
        change = mark + percent(shown(method.change), signed=True)
        names = (plain(method.name), f"{plain(method.protocol)} v{method.version}")
        table.add_row(str(method.rank_before), *map(Text, (*names, *numbers, change)), str(method.rank_after))
    gaps = [f"{100 * gap:.1f}" for gap in (found.gap_before, found.gap_after)]
    table.add_section()
    table.add_row("", "gap, best − worst", "", *gaps, "", "")
    for column in table.columns[3:6]:
        column.justify = "right"
    return table


def changes_table(changes: Sequence[RecordChange], names: tuple[str, str]) -> Table:
    """What differs between two records."""
    table = _table("part", "what", *names)
    part = ""
    for change in changes:
        head = "" if change.part == part else change.part
        accuracy = change.name == ACCURACY
        values = [f"{100 * value:.2f} %" if accuracy else value for value in (change.first, change.second)]
        table.add_row(Text(head), Text(change.name), *map(_value, values))
        part = change.part
    return table


def _table(*columns: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    return table


def _value(value: Any) -> Text:
    return Text(plain(field_text(value)))


def _title(console: Console, title: str) -> None:
    console.print(Text(title, style="bold"))


def _words(console: Console, sentences: Iterable[str], flags: Iterable[str]) -> None:
    console.print()
    console.print(Text(" ".join(sentences), style="bold"))
    for flag in flags:
        console.print(Text(plain(flag), style="dim"))
