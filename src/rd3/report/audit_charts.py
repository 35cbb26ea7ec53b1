"""Waterfalls of an audit as SVG text, as wide as a phone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import altair as alt

from rd3.report.audit_steps import Step, step_text
from rd3.report.chart_style import COLOURS, INK, LINE, MUTED, domain, label, to_svg
from rd3.report.charts import POINT, Values, colour, inline, names

WIDTH = 180
GAIN, LOSS = COLOURS[0], COLOURS[1]
HALF_BAR = 6.0
TITLE = "test accuracy, %"
BARE = alt.Axis(title=None, labels=False, domain=False, grid=False)


def limits(steps: Sequence[Step]) -> tuple[float, float]:
    """Of an axis, in percent, that shows all of these steps with their intervals."""
    rows = map(_numbers_of, steps)
    return domain(row[key] for row in rows for key in ("start", "end", "low", "high") if row[key] is not None)


def waterfall_chart(steps: Sequence[Step], *, axis: tuple[float, float], description: str) -> str:
    """Levels as points, steps as bars between them, each with its interval and its number.

    Args:
        axis: its limits, to be the same in several charts.
    """
    rows = _rows(steps)
    scale = alt.Scale(domain=axis, nice=False, zero=False)
    x = alt.X("end:Q", scale=scale, axis=alt.Axis(title=TITLE, tickCount=5))
    y = alt.Y("middle:Q", scale=alt.Scale(domain=(rows[-1]["bottom"], 0), nice=False, zero=False), axis=BARE)
    base = alt.Chart(inline(rows)).encode(y=y)
    ties = alt.Chart(inline(rows[:-1])).mark_rule(stroke=MUTED, strokeWidth=0.8)
    bars = alt.Chart(inline([row for row in rows if not row["level"]])).mark_bar()
    whiskers = alt.Chart(inline([row for row in rows if row["low"] is not None])).mark_rule(strokeWidth=1.4, stroke=INK)
    levels = alt.Chart(inline([row for row in rows if row["level"]])).mark_point(**POINT, color=INK, shape="diamond")
    layers = [
        ties.encode(x=x, y=y, y2="next:Q"),
        bars.encode(x=_x("start"), x2="end:Q", y=alt.Y("upper:Q", title=None), y2="lower:Q", color=colour()),
        whiskers.encode(x=_x("low"), x2="high:Q", y=y),
        levels.encode(x=x, y=y),
        base.mark_text(align="right").encode(x=alt.value(WIDTH + 84), text="text:N"),
        names(rows, align="right").encode(y=y, x=alt.value(-8), text="method:N"),
    ]
    return to_svg(alt.layer(*layers).properties(width=WIDTH, height=rows[-1]["bottom"]), description)


def _x(name: str) -> Any:
    return alt.X(f"{name}:Q", title=TITLE)


def _rows(steps: Sequence[Step]) -> Values:
    """Every step with its place from the top, in pixels, and that of the next one."""
    rows: Values = []
    top = 0.0
    for step in steps:
        name = label(step.name)
        size = max(LINE * (name.count("\n") + 1) + 4.0, 22.0)
        middle = top + size / 2
        place = {"middle": middle, "upper": middle - HALF_BAR, "lower": middle + HALF_BAR, "bottom": top + size}
        rows.append({"method": name, "rise": -LINE / 2 * name.count("\n"), **place, **_numbers_of(step)})
        top += size
    for row, below in pairwise(rows):
        row["next"] = below["middle"]
    return rows


def _numbers_of(step: Step) -> dict[str, Any]:
    half = step.interval.half if step.interval is not None else None
    return {
        "start": 100 * step.start,
        "end": 100 * step.end,
        "low": None if half is None else 100 * (step.end - half),
        "high": None if half is None else 100 * (step.end + half),
        "level": step.level,
        "colour": GAIN if step.added >= 0 else LOSS,
        "text": step_text(step),
    }
