"""The critical-difference diagram: mean ranks over cells, and which methods they don't tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from rd3.report.across import Across
from rd3.report.chart_style import INK, LINE, MUTED, label, marks, to_svg
from rd3.report.charts import POINT, Look, Values, colour, inline, names, shape
from rd3.report.format import number
from rd3.scores.friedman import MeanRanks

WIDTH = 166
NUMBERS = WIDTH + 34  # where the mean ranks stand, right-aligned
BARS, BAR_STEP = NUMBERS + 12, 7


def rank_diagram(found: Across, *, look: Look | None = None) -> str:
    """Mean rank of every method, the best on top; a bar at the right joins methods that are not told apart."""
    result = found.result
    look = look or marks(result.methods)
    values: Values = [
        _point(place, name, mean, look)
        for place, (name, mean) in enumerate(zip(result.methods, result.mean_ranks, strict=True))
    ]
    y = _place(len(values))
    axis = alt.Axis(title="mean rank, 1 is best", values=list(range(1, len(values) + 1)), format="d", grid=True)
    x = alt.X("mean:Q", scale=alt.Scale(domain=(1, len(values)), nice=False, zero=False, padding=8), axis=axis)
    data = alt.Chart(inline(values)).encode(y=y)
    layers = [
        data.mark_point(**POINT).encode(x=x, color=colour(), shape=shape()),
        data.mark_text(align="right", baseline="middle").encode(x=alt.value(NUMBERS), text="text:N"),
        names(values, align="right").encode(y=y, x=alt.value(-8), text="method:N"),
        *_critical(result, x),
        *_bars(result, y),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=_height(result.methods))
    return to_svg(chart, f"Mean ranks under {found.title}. The numbers are in the sentence beside it.")


def _point(place: int, name: str, mean: float, look: Look) -> dict[str, Any]:
    text = label(name)
    rise = -LINE / 2 * text.count("\n")
    return {"method": text, "rise": rise, "mean": mean, "at": place, "text": number(mean, 2), **look[name]}


def _place(count: int) -> Any:
    return alt.Y("at:Q", scale=alt.Scale(domain=(count - 0.5, -0.5), nice=False, zero=False), axis=None)


def _height(methods: Sequence[str]) -> float:
    lines = max(label(name).count("\n") + 1 for name in methods)
    return len(methods) * max(LINE * lines + 4, 22)


def _critical(result: MeanRanks, x: Any) -> list[Any]:
    """The length above which a difference counts, drawn to scale above the plot."""
    span = alt.Chart(inline([{"mean": 1, "to": 1 + result.critical_difference}]))
    rule = span.mark_rule(stroke=INK, strokeWidth=1.6).encode(x=x, x2="to:Q", y=alt.value(-8))
    ends = alt.Chart(inline([{"mean": 1}, {"mean": 1 + result.critical_difference}]))
    ticks = ends.mark_rule(stroke=INK, strokeWidth=1.6).encode(x=x, y=alt.value(-11), y2=alt.value(-5))
    text = alt.Chart(inline([{"text": f"critical difference {number(result.critical_difference, 2)}"}]))
    return [
        rule,
        ticks,
        text.mark_text(align="left", fill=MUTED).encode(x=alt.value(0), y=alt.value(-20), text="text:N"),
    ]


def _bars(result: MeanRanks, y: Any) -> list[Any]:
    """One bar a group of at least two, each in a column of its own so that they can overlap."""
    places = {name: place for place, name in enumerate(result.methods)}
    shown = [group for group in result.groups if len(group) > 1]
    return [
        alt.Chart(inline([{"at": places[group[0]] - 0.2, "to": places[group[-1]] + 0.2}]))
        .mark_rule(stroke=INK, strokeWidth=3)
        .encode(y=y, y2="to:Q", x=alt.value(BARS + BAR_STEP * column))
        for column, group in enumerate(shown)
    ]
