"""Charts of accuracy against something: its cost, or the epoch. Names stand at the right, tied to their points."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import altair as alt

from rd3.report.chart_style import COLOURS, INK, LINE, MUTED, domain, label, log_ticks, marks, spread, to_svg
from rd3.report.charts import POINT, Look, Values, colour, inline, names, point, shape
from rd3.report.data import CurvePoint
from rd3.report.notes import group_title
from rd3.report.ranking import Group, Interval, Row

WIDTH, HEIGHT = 224, 190
DASHES = ([3, 1], [1, 0], [6, 2], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3], [10, 4])


def total_bytes(row: Row) -> float | None:
    """Bytes of images and labels, as far as they are known."""
    known = [part for part in (row.bytes.images, row.bytes.labels) if part is not None]
    return sum(known) if known else None


BYTES = "replace(format(datum.value, '~s'), /([a-zA-Z]?)$/, ' $1') + 'B'"  # 20M as 20 MB
# Title, value of a row, the least value that a log axis shows, and the form of the axis's numbers.
COSTS: dict[str, tuple[str, Callable[[Row], float | None], float, str]] = {
    "seconds": ("seconds to synthesise", lambda row: row.seconds.synthesise, 0.01, "format(datum.value, '.12~g')"),
    "bytes": (
        "bytes of images and labels",
        total_bytes,
        1.0,
        BYTES,
    ),
}


def cost_chart(group: Group, cost: Literal["seconds", "bytes"], *, look: Look | None = None) -> str:
    """Accuracy against seconds to synthesise, or against bytes of images and labels, on a log axis.

    Methods whose cost nobody knows are named above the plot.
    """
    look = look or marks(row.method for row in group.rows)
    title, get, least, form = COSTS[cost]
    known = [(row, value) for row in group.rows if (value := get(row)) is not None]
    missing = [f"not known for {label(row.method)}".replace("\n", "") for row in group.rows if get(row) is None]
    values = [point(row.method, row.accuracy, look) | {"at": max(value, least)} for row, value in known]
    layers = _cost_layers(values, title, f"(datum.value <= {least} ? '≤ ' : '') + {form}") if values else [_nothing()]
    heading = alt.Title(missing, fontWeight="normal", color=MUTED, offset=16)
    chart = alt.layer(*layers).properties(width=WIDTH, height=_height(values), title=heading)
    return to_svg(chart, f"Accuracy against {title}: {group_title(group)}. The numbers are in the tables.")


def curve_chart(lines: Mapping[str, Sequence[CurvePoint]], *, title: str, look: Look | None = None) -> str:
    """Test accuracy over epochs, one line and one band a label."""
    look = {**marks(lines), **(look or {})}
    points = {name: [_curve_point(name, value, look) for value in line] for name, line in lines.items() if line}
    layers = _curve_layers(points, {name: look[name] for name in points}) if points else [_nothing()]
    height = _height([line[-1] for line in points.values()])
    return to_svg(alt.layer(*layers).properties(width=WIDTH, height=height), f"Learning curves: {title}")


def _cost_layers(values: Values, title: str, tick_label: str) -> list[Any]:
    limits = domain(_heights(values))
    low, high = min(value["at"] for value in values) / 1.8, max(value["at"] for value in values) * 1.8
    axis = alt.Axis(title=f"{title} (log)", values=log_ticks(low, high), labelExpr=tick_label, grid=False)
    x = alt.X("at:Q", scale=alt.Scale(type="log", domain=(low, high), nice=False), axis=axis)
    data = alt.Chart(inline(values)).encode(x=x, color=colour())
    bars = data.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=1.8).encode(y="low:Q", y2="high:Q")
    points = data.mark_point(**POINT).encode(y=_accuracy(limits), shape=shape())
    return [*_names_at_right(values, limits, x), bars, points]


def _curve_layers(points: Mapping[str, Values], look: Look) -> list[Any]:
    values = [value for line in points.values() for value in line]
    limits = domain(_heights(values))
    x = alt.X("at:Q", axis=alt.Axis(title="epoch", grid=False, tickCount=5), scale=alt.Scale(nice=False))
    scale = alt.Scale(domain=[label(name) for name in look], range=[mark["colour"] for mark in look.values()])
    base = alt.Chart(inline(values)).encode(x=x, color=alt.Color("method:N", scale=scale, legend=None))
    band = base.transform_filter("isValid(datum.low)").mark_area(opacity=0.16).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(strokeWidth=1.8).encode(y=_accuracy(limits), strokeDash=_dashes(look))
    return [*_names_at_right([line[-1] for line in points.values()], limits, x), band, line]


def _dashes(look: Look) -> Any:
    by_colour = dict(zip((MUTED, *COLOURS), DASHES, strict=True))
    dashes = [by_colour[mark["colour"]] for mark in look.values()]
    return alt.StrokeDash("method:N", scale=alt.Scale(domain=[label(n) for n in look], range=dashes), legend=None)


def _heights(values: Values) -> list[float]:
    return [value[key] for value in values for key in ("mean", "low", "high") if value[key] is not None]


def _accuracy(limits: tuple[float, float]) -> Any:
    place = {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": -24, "titleY": -10}
    axis = alt.Axis(title="test accuracy, %", tickCount=5, domain=False, **place)
    return alt.Y("mean:Q", scale=alt.Scale(domain=limits, nice=False, zero=False), axis=axis)


def _extents(values: Values) -> list[float]:
    return [LINE * (value["method"].count("\n") + 1.0) for value in values]


def _height(values: Values) -> float:
    """At least the usual, more where the names need it."""
    return max(HEIGHT, sum(_extents(values)))


def _names_at_right(values: Values, limits: tuple[float, float], x: Any) -> list[Any]:
    low, high = limits
    height = _height(values)
    wanted = [height * (high - value["mean"]) / (high - low) for value in values]
    places = spread(wanted, _extents(values), low=0, high=height)
    placed = [v | {"to": high - place / height * (high - low)} for v, place in zip(values, places, strict=True)]
    ties = alt.Chart(inline(placed)).mark_rule(stroke=MUTED, opacity=0.45, strokeWidth=0.8)
    text = names(placed, align="left").encode(x=alt.value(WIDTH + 9), y="to:Q", text="method:N")
    return [ties.encode(x=x, y=_accuracy(limits), x2=alt.value(WIDTH + 6), y2="to:Q"), text]


def _curve_point(name: str, value: CurvePoint, look: Look) -> dict[str, Any]:
    epoch, mean, low, high = value
    return point(name, Interval(mean=mean, low=low, high=high), look) | {"at": epoch}


def _nothing() -> Any:
    return alt.Chart(inline([{"text": "nothing to show"}])).mark_text(fill=INK).encode(text="text:N")
