"""A study on one HTML page that needs no network and runs no script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from rd3.base.files import write_atomic
from rd3.report import format as show
from rd3.report import notes
from rd3.report.across import Across, across, sentence
from rd3.report.chart_style import domain, ends, marks
from rd3.report.charts import Look, accuracy_chart, score_charts
from rd3.report.data import ReportData
from rd3.report.diagram import rank_diagram
from rd3.report.gallery import galleries
from rd3.report.ranking import Group, grouped, rank_intervals, ranks
from rd3.report.trends import cost_chart, curve_chart, total_bytes


@dataclass(frozen=True)
class Section:
    """One group of comparable rows as the template wants it; the charts are SVG."""

    anchor: str
    title: str
    group: Group
    places: list[str]
    references: str
    notes: list[str]
    accuracy: Markup
    scores: list[Markup]
    costs: list[Markup]


@dataclass(frozen=True)
class Overview:
    """What all cells of a protocol show together; the diagram is SVG, where there are cells enough for one."""

    title: str
    sentence: str
    diagram: Markup | None


def write_page(data: ReportData, path: Path) -> None:
    """Write the page, whole or not at all."""
    write_atomic(path, render(data))


def render(data: ReportData) -> str:
    """The page as HTML text."""
    groups = grouped(data.rows)
    look = marks([row.method for row in data.rows])
    template = templates().get_template("page.html.j2")
    return template.render(
        data=data,
        sections=[_section(place, group, look, _limits(groups, group)) for place, group in enumerate(groups, start=1)],
        overviews=[_overview(found, look) for found in across(data.rows)],
        galleries=galleries(data.grids),
        curves=[(item.title, Markup(curve_chart(item.lines, title=item.title, look=look))) for item in data.curves],
        not_separable=notes.NOT_SEPARABLE,
        mark=notes.MARK,
        is_random=notes.is_random,
        total_bytes=total_bytes,
    )


def templates() -> Environment:
    """The templates of all pages, with the filters that they use."""
    environment = Environment(
        loader=FunctionLoader(_read), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        percent=show.percent, score=show.score, seconds=show.seconds, size=show.size, p_value=show.p_value,
        plain=show.plain, value=value_text, breakable=breakable,
    )  # fmt: skip
    return environment


def breakable(name: str) -> Markup:
    """A method's name that may break before its settings, and between them.

    >>> breakable("a<b[init=real,steps=2]")
    Markup('a&lt;b<wbr>[init=real,<wbr>steps=2]')
    """
    return Markup(str(escape(show.plain(name))).replace("[", "<wbr>[").replace(",", ",<wbr>"))


def value_text(value: Any) -> str:
    """A protocol's value as a reader expects it.

    >>> [value_text(value) for value in (None, True, 0.001, "cosine", [1, 2], {"name": "adamw", "lr": 0.001})]
    ['–', 'yes', '0.001', 'cosine', '1, 2', 'name: adamw; lr: 0.001']
    """
    if value is None:
        return show.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {value_text(item)}" for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(value_text(item) for item in value)
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _read(name: str) -> str:
    return resources.files("rd3.report").joinpath(name).read_text(encoding="utf-8")


def _limits(groups: Sequence[Group], group: Group) -> tuple[float, float]:
    """One accuracy axis for all groups of a target, so that its charts can be compared by eye."""
    return domain(ends([row for other in groups if other.key.target == group.key.target for row in other.rows]))


def _section(place: int, group: Group, look: Look, limits: tuple[float, float]) -> Section:
    return Section(
        anchor=f"ranking-{place}",
        title=notes.group_title(group),
        group=group,
        places=_places(group),
        references=notes.references(group),
        notes=notes.notes(group),
        accuracy=Markup(accuracy_chart(group, look=look, limits=limits)),
        scores=[Markup(chart) for chart in score_charts(group, look=look)],
        costs=_cost_charts(group, look),
    )


def _places(group: Group) -> list[str]:
    found = zip(group.rows, ranks(group), rank_intervals(group), strict=True)
    return [show.place(rank, interval, unranked=notes.no_place(row)) for row, rank, interval in found]


def _overview(found: Across, look: Look) -> Overview:
    diagram = Markup(rank_diagram(found, look=look)) if found.result.decidable else None
    return Overview(found.title, sentence(found), diagram)


def _cost_charts(group: Group, look: Look) -> list[Markup]:
    """Only where costs differ: points above each other say nothing that the table doesn't."""
    charts = []
    if _differ([row.seconds.synthesise for row in group.rows]):
        charts.append(Markup(cost_chart(group, "seconds", look=look)))
    if _differ([total_bytes(row) for row in group.rows]):
        charts.append(Markup(cost_chart(group, "bytes", look=look)))
    return charts


def _differ(values: Sequence[float | None]) -> bool:
    return len({value for value in values if value is not None}) > 1
