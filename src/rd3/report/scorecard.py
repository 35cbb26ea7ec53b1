"""Scores of synthetic sets on a terminal: the sub-accuracies they are made of, and the scores of each student."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.table import Table
from rich.text import Text

from rd3.report.format import DASH, estimate, percent, plain, score
from rd3.report.ranking import Interval
from rd3.study.scorecard import Part, ScoreCard

PEEKED = "Chosen on the test split, for comparison only: none of these numbers may be ranked."


def parts_title(card: ScoreCard) -> str:
    return f"{plain(card.row['method'])} and its references, student {plain(card.row['student'])}"


def scores_title(card: ScoreCard) -> str:
    weights = f"w = {card.w:g}, γ = {card.gamma:g}"
    return f"{plain(card.row['method'])} under {plain(card.row['protocol']['id'])}: {weights}"


def parts_table(card: ScoreCard) -> Table:
    """One sub-accuracy a row: mean and half of its 95 % t-interval over n runs, and the learning rates in use."""
    table = _table(("", "trained on", "protocol"), ("accuracy", "n", "rates"))
    for part in card.parts:
        table.add_row(
            part.symbol,
            part.title,
            plain(part.records[0].protocol.id),
            percent(_interval(part)),
            str(len(part.records)),
            _rates(part),
        )
    if card.peeks:
        table.caption = Text(PEEKED, style="bold")
    return table


def scores_table(cards: Sequence[ScoreCard]) -> Table:
    """One student a row: HLR and IOR in points, LRS and ARS from 0 to 1."""
    table = _table(("student",), ("HLR", "IOR", "LRS", "ARS"))
    for card in cards:
        row = card.row
        points = [_joined(row[name], decimals=1, scale=100) for name in ("hlr", "ior")]
        table.add_row(plain(row["student"]), *points, *(score(_bounds(row[name])) for name in ("lrs", "ars")))
    return table


def _table(words: Sequence[str], numbers: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.caption_justify, table.caption_style = "left", ""
    for name in words:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _interval(part: Part) -> Interval:
    return Interval(mean=part.interval.mean, low=part.interval.low, high=part.interval.high)


def _bounds(value: dict[str, float | None] | None) -> Interval | None:
    return None if value is None else Interval.model_validate(value)


def _joined(value: dict[str, float | None] | None, *, decimals: int, scale: float) -> str:
    mean, half = estimate(_bounds(value), decimals=decimals, scale=scale)
    return f"{mean} ± {half}" if half else mean


def _rates(part: Part) -> str:
    used = sorted({record.lr for record in part.records if record.lr is not None})
    searched = any(record.rates for record in part.records)
    return (", ".join(f"{rate:g}" for rate in used) or DASH) + (" (searched)" if searched else "")
