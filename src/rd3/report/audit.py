"""An audit on one HTML page that needs no network and runs no script."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from rd3.base.files import write_atomic
from rd3.report.audit_charts import limits, waterfall_chart
from rd3.report.audit_steps import Step, rungs, shares, shown, side_names
from rd3.report.audit_values import field_text
from rd3.report.audit_words import audit_sentences, place, rectification_sentences
from rd3.report.format import number, percent, plain
from rd3.report.notes import NOT_SEPARABLE
from rd3.report.page import templates
from rd3.report.slopes import slope_chart
from rd3.scores.intervals import Interval
from rd3.study.audit.facts import Facts
from rd3.study.audit.rectification import Rectification
from rd3.study.audit.result import Audit

PAGE = "audit.html"


def write_audit_page(found: Audit | Rectification, path: Path, *, command: str = "") -> None:
    """Write the page, whole or not at all.

    Args:
        command: what to type to get the same numbers.
    """
    page = render_audit(found, command) if isinstance(found, Audit) else render_rectification(found, command)
    write_atomic(path, page)


def render_audit(audit: Audit, command: str = "") -> str:
    """The page of an audit as HTML text."""
    start, end = side_names(audit)
    title = f"From {start} to {end}"
    several = len(audit.factors) > 1
    return _render(
        "audit.html.j2",
        audit,
        title=title,
        sentences=audit_sentences(audit),
        command=command,
        sides=(start, end),
        rows=list(zip(audit.factors, audit.contributions, audit.ladder, strict=True)),
        shares_chart=_waterfall(audit, shares(audit), "Shares of the difference"),
        ladder_chart=_waterfall(audit, rungs(audit), "One factor at a time") if several else None,
    )


def render_rectification(found: Rectification, command: str = "") -> str:
    """The page of a rectification as HTML text."""
    return _render(
        "audit_methods.html.j2",
        found,
        title=f"{len(found.methods)} methods under {plain(found.common)}",
        sentences=rectification_sentences(found),
        command=command,
        chart=Markup(slope_chart(found)),
        gaps=[number(100 * gap, 1) for gap in (found.gap_before, found.gap_after)],
    )


def _waterfall(audit: Audit, steps: Sequence[Step], title: str) -> Markup:
    start, end = side_names(audit)
    axis = limits([*shares(audit), *rungs(audit)])  # the same for both charts
    description = f"{title}, from {start} to {end}. The numbers are in the table."
    return Markup(waterfall_chart(steps, axis=axis, description=description))


def _render(template: str, facts: Facts, **values: Any) -> str:
    environment = _templates()
    return environment.get_template(template).render(
        facts=facts, place=place(facts), not_separable=NOT_SEPARABLE, **values
    )


def _templates() -> Environment:
    environment = templates()
    environment.filters.update(points=_points, level=_level, value=field_text)
    return environment


def _points(interval: Interval) -> str:
    return percent(shown(interval), signed=True)


def _level(interval: Interval) -> str:
    return percent(shown(interval))
