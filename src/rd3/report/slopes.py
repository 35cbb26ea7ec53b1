"""A slope chart as SVG text: methods under their own protocols at the left, under one at the right."""

from __future__ import annotations

from typing import Any

import altair as alt

from rd3.report.audit_charts import BARE
from rd3.report.audit_steps import shown
from rd3.report.chart_style import LINE, MUTED, domain, marks, spread, to_svg
from rd3.report.charts import POINT, Values, colour, inline, names, point, shape
from rd3.report.format import plain
from rd3.study.audit.rectification import Rectification

WIDTH, HEIGHT = 130, 190


def slope_chart(found: Rectification) -> str:
    """Accuracy of each method before and after, with intervals; names and numbers stand beside their points."""
    look = marks(method.name for method in found.methods)
    aside = _aside(len(found.methods))
    before = [
        point(method.name, shown(method.before), look) | {"at": shift}
        for method, shift in zip(found.methods, aside, strict=True)
    ]
    after = [
        point(method.name, shown(method.after), look) | {"at": 1 + shift}
        for method, shift in zip(found.methods, aside, strict=True)
    ]
    limits = domain([v[key] for v in before + after for key in ("mean", "low", "high") if v[key] is not None])
    height = max(HEIGHT, sum(map(_extent, after)))
    x = alt.X("at:Q", scale=alt.Scale(domain=(0, 1), nice=False), axis=BARE)
    y = alt.Y("mean:Q", scale=alt.Scale(domain=limits, nice=False, zero=False), axis=BARE)
    data = alt.Chart(inline(before + after)).encode(x=x, y=y, color=colour())
    bounded = alt.Chart(inline([value for value in before + after if value["low"] is not None]))
    layers = [
        data.mark_line(strokeWidth=1.8).encode(detail="method:N"),
        bounded.mark_rule(strokeWidth=1.8).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q", color=colour()),
        data.mark_point(**POINT).encode(shape=shape()),
        *_beside(_placed(before, limits, height, named=False), x, y, edge=-16, align="right"),
        *_beside(_placed(after, limits, height, named=True), x, y, edge=WIDTH + 16, align="left"),
        *(_head(at, text) for at, text in ((0, "own protocol"), (WIDTH, "common protocol"))),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=height)
    words = f"Accuracy of each method under its own protocol and under {plain(found.common)}"
    return to_svg(chart, f"{words}. The numbers are in the table.")


def _aside(count: int) -> list[float]:
    """A little to the left or right for each method, so that intervals don't hide each other."""
    step = min(0.03, 0.16 / count)
    return [step * (position - (count - 1) / 2) for position in range(count)]


def _extent(value: dict[str, Any]) -> float:
    return LINE * (str(value["method"]).count("\n") + 1.0)


def _placed(values: Values, limits: tuple[float, float], height: float, *, named: bool) -> Values:
    """Where each label goes so that none meets another, in percent."""
    low, high = limits
    extents = [_extent(value) if named else float(LINE) for value in values]
    wanted = [height * (high - value["mean"]) / (high - low) for value in values]
    places = spread(wanted, extents, low=0, high=height)
    return [
        value
        | {
            "to": high - place / height * (high - low),
            "text": f"{value['mean']:.1f} {value['method']}" if named else f"{value['mean']:.1f}",
            "rise": value["rise"] if named else 0.0,
        }
        for value, place in zip(values, places, strict=True)
    ]


def _beside(values: Values, x: Any, y: Any, *, edge: int, align: str) -> list[Any]:
    ties = alt.Chart(inline(values)).mark_rule(stroke=MUTED, opacity=0.45, strokeWidth=0.8)
    near = edge + 3 if align == "right" else edge - 3
    return [
        ties.encode(x=x, y=y, x2=alt.value(near), y2="to:Q"),
        names(values, align=align).encode(x=alt.value(edge), y=alt.Y("to:Q", title=None), text="text:N"),
    ]


def _head(at: int, text: str) -> Any:
    """What a side is, above it."""
    mark = alt.Chart(inline([{"text": text}])).mark_text(fill=MUTED, align="center")
    return mark.encode(x=alt.value(at), y=alt.value(-12), text="text:N")
