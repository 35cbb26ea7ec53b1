"""Dot charts as SVG text: accuracy and scores. Each shows one group of comparable rows, as wide as a phone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from rd3.report.chart_style import LINE, MUTED, SHAPES, domain, ends, label, marks, to_svg
from rd3.report.format import percent
from rd3.report.notes import group_title
from rd3.report.ranking import Group, Interval, Row

Look = Mapping[str, Mapping[str, str]]
Values = list[dict[str, Any]]
POINT = {"filled": True, "size": 62, "opacity": 1}
NEUTRAL = 1 / (1 + math.e)  # LRS or ARS of a method that neither gains nor loses: (1 − 1/e) / (e − 1/e)
# Heading, direction, factor and the value of a method that changes nothing.
SCORES = {
    "hlr": ("HLR, points", "less is better", 100.0, 0.0),
    "ior": ("IOR, points", "more is better", 100.0, 0.0),
    "lrs": ("LRS", "more is better", 1.0, NEUTRAL),
    "ars": ("ARS", "more is better", 1.0, NEUTRAL),
}


def accuracy_chart(group: Group, *, look: Look | None = None, limits: tuple[float, float] | None = None) -> str:
    """Accuracy of every method with its interval, between the random and the whole-target reference.

    Args:
        look: colour and shape by method, to be the same on a whole page; see `chart_style.marks`.
        limits: of the axis in percent, to be the same in several charts.
    """
    look = look or marks(row.method for row in group.rows)
    scale = alt.Scale(domain=limits or domain(ends(group.rows)), nice=False, zero=False)
    values = [point(row.method, row.accuracy, look) | {"text": percent(row.accuracy)} for row in group.rows]
    y = _methods(group.rows)
    x = alt.X("mean:Q", scale=scale, axis=alt.Axis(title="test accuracy, %", tickCount=5, grid=False))
    numbers = alt.Chart(inline(values)).mark_text(align="right").encode(y=y, x=alt.value(264), text="text:N")
    layers = [*_references(group, scale), *_dots(values, y, x), numbers, _names(values, y)]
    chart = alt.layer(*layers).properties(width=196, height=_height(group.rows))
    return to_svg(chart, f"Accuracy of each method: {group_title(group)}. The numbers are in the table.")


def score_charts(group: Group, *, look: Look | None = None) -> list[str]:
    """HLR, IOR, LRS and ARS of every method: two panels a chart, none for a score that no row has."""
    look = look or marks(row.method for row in group.rows)
    known = [name for name in SCORES if any(getattr(row, name) is not None for row in group.rows)]
    pairs = [known[start : start + 2] for start in range(0, len(known), 2)]
    return [to_svg(_score_pair(group, look, pair), _described(group, pair)) for pair in pairs]


def inline(values: Values) -> Any:
    """Data that stand in the chart itself."""
    return alt.InlineData(values=values)


def point(method: str, interval: Interval, look: Look, *, factor: float = 100) -> dict[str, Any]:
    """One method's mean and interval, with the mark that stands for it."""
    low, high = (None if end is None else end * factor for end in (interval.low, interval.high))
    name = label(method)
    rise = -LINE / 2 * name.count("\n")
    return {"method": name, "rise": rise, "mean": interval.mean * factor, "low": low, "high": high, **look[method]}


def colour() -> Any:
    """The colour that a value brings along."""
    return alt.Color("colour:N", scale=None, legend=None)


def shape() -> Any:
    """The shape that a value brings along."""
    return alt.Shape("shape:N", scale=alt.Scale(domain=list(SHAPES), range=list(SHAPES)), legend=None)


def names(values: Values, *, align: str) -> Any:
    """Names of methods, in lines around the middle of their place."""
    middle = {"expr": "datum.rise"}
    return alt.Chart(inline(values)).mark_text(
        align=align, baseline="middle", lineBreak="\n", lineHeight=LINE, dy=middle
    )


def _methods(rows: Sequence[Row]) -> Any:
    axis = alt.Axis(title=None, labels=False, domain=False, grid=True)
    return alt.Y("method:N", sort=[label(row.method) for row in rows], axis=axis)


def _names(values: Values, y: Any) -> Any:
    return names(values, align="right").encode(y=y, x=alt.value(-8), text="method:N")


def _height(rows: Sequence[Row]) -> float:
    lines = max(label(row.method).count("\n") + 1 for row in rows)
    return len(rows) * max(LINE * lines + 4, 22)


def _dots(values: Values, y: Any, x: Any) -> list[Any]:
    with_interval = [value for value in values if value["low"] is not None]
    bars = alt.Chart(inline(with_interval)).mark_rule(strokeWidth=1.8)
    bars = bars.encode(y=y, x=alt.X("low:Q", title=None), x2="high:Q", color=colour())
    return [bars, alt.Chart(inline(values)).mark_point(**POINT).encode(y=y, x=x, color=colour(), shape=shape())]


def _references(group: Group, scale: Any) -> list[Any]:
    first = group.rows[0]
    parts = (("random", first.random, [3, 3], -8), ("whole target", first.whole, [1, 0], -8 - LINE))
    # The two names have a row each above the plot, so that they never meet.
    return [
        layer
        for name, part, dash, height in parts
        if part is not None
        for layer in _reference(f"{name} {100 * part.mean:.1f}", 100 * part.mean, scale, dash, height)
    ]


def _reference(name: str, at: float, scale: Any, dash: list[int], height: float) -> list[Any]:
    side = "left" if at < sum(scale.domain) / 2 else "right"
    data = alt.Chart(inline([{"at": at, "name": name}])).encode(x=alt.X("at:Q", scale=scale))
    text = data.mark_text(align=side, fill=MUTED).encode(text="name:N", y=alt.value(height))
    return [data.mark_rule(strokeDash=dash, stroke=MUTED), text]


def _score_pair(group: Group, look: Look, pair: Sequence[str]) -> Any:
    panels = [_score_panel(group, look, name, named=name == pair[0]) for name in pair]
    return alt.hconcat(*panels, spacing=18)


def _described(group: Group, pair: Sequence[str]) -> str:
    return f"{' and '.join(pair).upper()} of each method: {group_title(group)}. The numbers are in the table."


def _score_panel(group: Group, look: Look, name: str, *, named: bool) -> Any:
    title, direction, factor, neutral = SCORES[name]
    parts = {row.method: getattr(row, name) for row in group.rows}
    values = [point(method, part, look, factor=factor) for method, part in parts.items() if part is not None]
    y = _methods(group.rows)
    unknown = [{"method": label(method)} for method, part in parts.items() if part is None]
    gaps = alt.Chart(inline(unknown)).mark_text(fill=MUTED, align="left", baseline="bottom", dy=-1)
    gaps = gaps.encode(y=y, x=alt.value(2), text=alt.value("no value"))
    scale = alt.Scale(domain=domain([*_numbers(values), neutral]), nice=False, zero=False)
    axis = alt.Axis(title=None, tickCount=3, grid=False, labelOverlap="greedy", labelSeparation=6)
    zero = alt.Chart(inline([{"at": neutral}])).mark_rule(stroke=MUTED, strokeDash=[3, 3])
    layers = [zero.encode(x="at:Q"), *_dots(values, y, alt.X("mean:Q", scale=scale, axis=axis)), gaps]
    if named:
        layers.append(_names([{"method": label(m), "rise": -LINE / 2 * label(m).count("\n")} for m in parts], y))
    heading = alt.Title(title, subtitle=direction, anchor="start", frame="group", offset=6)
    return alt.layer(*layers).properties(width=108, height=_height(group.rows), title=heading)


def _numbers(values: Values) -> list[float]:
    return [value[key] for value in values for key in ("mean", "low", "high") if value[key] is not None]
