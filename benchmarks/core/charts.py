"""Charts of times, as SVG text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
from benchmarks.core.ratios import Ratio

from rd3.report.chart_style import COLOURS, INK, MUTED, log_ticks, to_svg

Values = list[dict[str, Any]]
WIDTH = 420


def data(values: Values) -> Any:
    """Data that stand in the chart itself."""
    return alt.InlineData(values=values)


def ratio_chart(ratios: Mapping[str, Ratio], targets: Mapping[str, float], *, title: str) -> str:
    """A dot with its interval for every comparison, and a bar where its target is."""
    values: Values = [
        {"name": name, "mean": one.mean, "low": one.low or one.mean, "high": one.high or one.mean, "text": str(one)}
        for name, one in ratios.items()
    ]
    marks: Values = [{"name": name, "target": targets[name]} for name in ratios if name in targets]
    numbers = [value[key] for value in values for key in ("low", "high")] + [1.0, *targets.values()]
    low, high = min(numbers) / 1.2, max(numbers) * 1.2
    x_axis = alt.Axis(title=f"{title} (bar: target)", values=log_ticks(low, high), format="~r")
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    y = alt.Y("name:N", sort=list(ratios), axis=alt.Axis(title=None, labelLimit=320))
    base = alt.Chart(data(values)).encode(y=y)
    layers = [
        alt.Chart(data([{"one": 1.0}])).mark_rule(color=MUTED, strokeDash=[3, 3]).encode(x=alt.X("one:Q", scale=scale)),
        base.mark_rule(color=COLOURS[0], strokeWidth=2).encode(x=alt.X("low:Q", scale=scale, axis=x_axis), x2="high:Q"),
        base.mark_point(filled=True, size=62, opacity=1, color=COLOURS[0]).encode(x=alt.X("mean:Q", scale=scale)),
        alt.Chart(data(marks)).mark_tick(color=COLOURS[1], thickness=3, size=18).encode(y=y, x="target:Q"),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=34 * len(values))
    return to_svg(chart, f"{title}: " + "; ".join(f"{name} {one}" for name, one in ratios.items()))


def seconds_chart(means: Mapping[str, float], targets: Mapping[str, float], *, title: str) -> str:
    """A bar for every time, and a mark where its target is."""
    y = alt.Y("name:N", sort=list(means), axis=alt.Axis(title=None, labelLimit=320))
    bars: Values = [{"name": name, "seconds": seconds} for name, seconds in means.items()]
    marks: Values = [{"name": name, "target": target} for name, target in targets.items()]
    x = alt.X("seconds:Q", axis=alt.Axis(title=f"{title}, s (orange: target)"))
    layers = [
        alt.Chart(data(bars)).mark_bar(color=COLOURS[0], size=14).encode(y=y, x=x),
        alt.Chart(data(marks)).mark_tick(color=COLOURS[1], thickness=3, size=20).encode(y=y, x="target:Q"),
    ]
    chart = alt.layer(*layers).properties(width=WIDTH, height=30 * len(means))
    return to_svg(chart, f"{title}: " + "; ".join(f"{name} {seconds:.2f} s" for name, seconds in means.items()))


def share_chart(shares: Mapping[str, Mapping[str, float]], *, title: str) -> str:
    """One bar a workload, cut into shares of a step."""
    parts = list(dict.fromkeys(part for found in shares.values() for part in found))
    values: Values = [
        {"name": name, "part": part, "share": 100 * share, "order": parts.index(part)}
        for name, found in shares.items()
        for part, share in found.items()
    ]
    chart = (
        alt.Chart(data(values))
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=list(shares), axis=alt.Axis(title=None, labelLimit=320)),
            x=alt.X("share:Q", axis=alt.Axis(title=f"{title}, %")),
            color=alt.Color("part:N", sort=parts, scale=alt.Scale(domain=parts, range=list(COLOURS[: len(parts)]))),
            order="order:Q",
        )
        .properties(width=WIDTH, height=34 * len(shares))
    )
    return to_svg(chart, f"{title} of {', '.join(shares)}: the numbers are in the table")


def roofline_chart(points: Mapping[str, tuple[float, float]], *, peak: float, bandwidth: float) -> str:
    """FLOP/s over FLOP a byte, under the roof of a device.

    Args:
        points: name -> (FLOP a byte, FLOP/s).
        peak: FLOP/s of the matrix multiplication.
        bandwidth: bytes/s.
    """
    knee = peak / bandwidth
    places = [place for place, _ in points.values()] + [knee]
    low, high = min(places) / 4, max(places) * 4
    roof: Values = [{"x": x, "y": min(peak, bandwidth * x) / 1e9} for x in (low, knee, high)]
    ordered = sorted(points.items(), key=lambda point: point[1])
    values: Values = [{"name": name, "x": x, "y": y / 1e9} for name, (x, y) in ordered]
    floor = min(value["y"] for value in (*values, *roof)) / 2
    xs = alt.X("x:Q", scale=_log(low, high), axis=alt.Axis(title="FLOP a byte", values=log_ticks(low, high)))
    top = peak * 1.5 / 1e9
    ys = alt.Y("y:Q", scale=_log(floor, top), axis=alt.Axis(title="GFLOP/s", values=log_ticks(floor, top)))
    names = [_name(value, number, min(peak, bandwidth * value["x"]) / 1e9) for number, value in enumerate(values)]
    layers = [
        alt.Chart(data(roof)).mark_line(color=INK).encode(x=xs, y=ys),
        alt.Chart(data(values)).mark_point(filled=True, size=70, opacity=1, color=COLOURS[0]).encode(x=xs, y=ys),
        *(name.encode(x=xs, y=ys, text="name:N") for name in names),
    ]
    return to_svg(alt.layer(*layers).properties(width=WIDTH, height=280), "Roofline: " + ", ".join(points))


def _name(value: Mapping[str, Any], number: int, roof: float) -> alt.Chart:
    """A point's name: those of neighbours are on different sides, and none lies on the roof."""
    left = number % 2 == 1
    above = left or value["y"] > roof
    place = {"align": "right" if left else "left", "dx": -8 if left else 8, "dy": -8 if above else 10}
    return alt.Chart(data([dict(value)])).mark_text(**place)


def growth_chart(curves: Mapping[str, Sequence[tuple[float, float]]], *, x: str, y: str) -> str:
    """Lines on two logarithmic axes, one a cost, and what growth in proportion would be."""
    values: Values = [
        {"cost": name, "x": place, "y": cost} for name, points in curves.items() for place, cost in points
    ]
    xs, ys = [value["x"] for value in values], [value["y"] for value in values]
    (left, right), (low, high) = (_wide(xs), _wide(ys))
    first = min(values, key=lambda value: value["x"])
    line: Values = [{"x": place, "y": first["y"] * place / first["x"]} for place in (min(xs), max(xs))]
    x_axis = alt.X("x:Q", scale=_log(left, right), axis=alt.Axis(title=x, values=sorted(set(xs)), format="~r"))
    y_axis = alt.Y("y:Q", scale=_log(low, high, clamp=True), axis=alt.Axis(title=y, values=log_ticks(low, high)))
    curve = alt.Chart(data(values)).encode(x=x_axis, y=y_axis)
    if len(curves) > 1:
        curve = curve.encode(color=alt.Color("cost:N", title=None, scale=alt.Scale(range=list(COLOURS))))
    layers = [
        alt.Chart(data(line)).mark_line(color=MUTED, strokeDash=[3, 3], clip=True).encode(x=x_axis, y=y_axis),
        curve.mark_line(),
        curve.mark_point(filled=True, size=40, opacity=1),
    ]
    return to_svg(alt.layer(*layers).properties(width=WIDTH, height=240), f"{y} over {x}; dashed: in proportion")


def _log(low: float, high: float, *, clamp: bool = False) -> Any:
    return alt.Scale(type="log", domain=[low, high], nice=False, clamp=clamp)


def _wide(values: Sequence[float]) -> tuple[float, float]:
    return min(values) / 1.3, max(values) * 1.3
