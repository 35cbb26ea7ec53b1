from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import LinearConstraint, minimize

from rd3.report.chart_style import COLOURS, marks, spread
from rd3.report.charts import accuracy_chart, score_charts
from rd3.report.ranking import Group, Row, grouped, rows_from
from rd3.report.trends import cost_chart, curve_chart

Json = dict[str, Any]
SVG = "{http://www.w3.org/2000/svg}"
NAMES = {"herding", "rded", "sre2l", "sre2l [init=real]", "random"}


def texts(svg: str) -> set[str]:
    """Every text in a chart, its lines joined by a space."""
    return {" ".join(" ".join(node.itertext()).split()) for node in ET.fromstring(svg).iter(f"{SVG}text")}


def colours(svg: str) -> list[str]:
    """Fill of every point in a chart."""
    groups = [node for node in ET.fromstring(svg).iter() if "mark-symbol" in node.get("class", "")]
    return [path.get("fill", "") for node in groups for path in node.iter(f"{SVG}path")]


@pytest.fixture
def group(rows: list[Row]) -> Group:
    return grouped(rows)[0]


def test_accuracy_has_a_name_a_mark_and_a_number_for_every_method(group: Group) -> None:
    svg = accuracy_chart(group)
    assert texts(svg) >= NAMES | {"61.4 ± 2.6", "48.2 ± 2.6", "random 48.2", "whole target 97.4"}
    assert len(colours(svg)) == 5


def test_a_position_on_the_axis_is_the_number(group: Group) -> None:
    root = ET.fromstring(accuracy_chart(group, limits=(0, 98)))
    [points] = [node for node in root.iter() if "mark-symbol" in node.get("class", "")]
    places = [float(path.get("transform", "")[10:].split(",")[0]) for path in points.iter(f"{SVG}path")]
    # The axis is 196 px long and the methods come most accurate first.
    assert places == pytest.approx([2 * value for value in (61.4, 55.9, 49.1, 48.2, 37.3)], abs=1e-6)


def test_every_score_is_drawn_and_a_missing_one_is_said(group: Group) -> None:
    points, fractions = score_charts(group)
    assert texts(points) >= NAMES | {"HLR, points", "IOR, points", "no value"}
    assert texts(fractions) >= NAMES | {"LRS", "ARS", "no value"}
    assert (len(colours(points)), len(colours(fractions))) == (9, 8)


def test_a_score_that_no_row_has_takes_no_room(rows: list[Row]) -> None:
    svgs = score_charts(grouped(rows)[2])
    assert "ARS" not in set().union(*(texts(svg) for svg in svgs))


@pytest.mark.parametrize("cost", ["seconds", "bytes"])
def test_costs_are_drawn_for_every_method(group: Group, cost: Any) -> None:
    svg = cost_chart(group, cost)
    assert texts(svg) >= NAMES
    assert len(colours(svg)) == 5


def test_a_method_of_unknown_cost_is_still_named(json_rows: list[Json]) -> None:
    json_rows[1]["seconds"]["synthesise"] = None
    svg = cost_chart(grouped(rows_from(json_rows[:5]))[0], "seconds")
    assert "not known for herding" in texts(svg)
    assert len(colours(svg)) == 4


def test_nothing_known_makes_no_error(json_rows: list[Json]) -> None:
    json_rows[1]["seconds"]["synthesise"] = None
    assert "nothing to show" in texts(cost_chart(grouped(rows_from(json_rows[1:2]))[0], "seconds"))
    assert "nothing to show" in texts(curve_chart({}, title="none"))


def test_a_curve_ends_in_its_name() -> None:
    line = [(0, 0.1, 0.08, 0.12), (10, 0.6, 0.5, 0.7)]
    svg = curve_chart({"sre2l[init=real]": line, "rded": [(epoch, 0.5, None, None) for epoch, *_ in line]}, title="t")
    assert texts(svg) >= {"sre2l [init=real]", "rded", "epoch"}
    assert colours(svg) == []


def test_one_run_is_a_point_without_a_bar(json_rows: list[Json]) -> None:
    svg = accuracy_chart(grouped(rows_from([json_rows[1] | {"n": 1}]))[0])
    assert "61.4" in texts(svg)
    assert len(colours(svg)) == 1


def test_a_hostile_name_is_only_text(json_rows: list[Json]) -> None:
    name = '<script>alert(1)</script>"[a&b]'
    group = grouped(rows_from([json_rows[1] | {"method": name, "target": name}]))[0]
    svg = accuracy_chart(group)
    assert "<script" not in svg
    assert any("[a&b]" in text for text in texts(svg))


def test_marks_differ_for_fifty_methods() -> None:
    look = marks([f"method{i}" for i in range(50)] + ["random"])
    assert len({(mark["colour"], mark["shape"]) for mark in look.values()}) == 51
    assert look["random"]["colour"] not in COLOURS


@given(st.lists(st.tuples(st.floats(0, 200), st.sampled_from([13.0, 26.0, 39.0])), min_size=1, max_size=7))
def test_labels_are_moved_apart_as_little_as_possible(labels: list[tuple[float, float]]) -> None:
    wanted, sizes = (np.array(column) for column in zip(*labels, strict=True))
    placed = np.array(spread(list(wanted), list(sizes), low=-1000, high=1000))
    order = np.argsort(wanted, kind="stable")
    wanted, sizes, placed = wanted[order], sizes[order], placed[order]
    gaps = (sizes[1:] + sizes[:-1]) / 2
    assert (np.diff(placed) >= gaps - 1e-6).all()
    limits = LinearConstraint(np.diff(np.eye(len(wanted)), axis=0), gaps, np.inf) if len(wanted) > 1 else ()
    start = np.cumsum(sizes) + wanted.mean()
    oracle = minimize(lambda x: ((x - wanted) ** 2).sum(), start, constraints=limits, method="SLSQP")
    assert ((placed - wanted) ** 2).sum() <= oracle.fun + 1e-3


def test_labels_stay_inside_even_where_there_is_no_room() -> None:
    placed = spread([5.0] * 40, [13.0] * 40, low=0, high=190)
    assert min(placed) >= 0
    assert max(placed) <= 190
    assert np.diff(placed) == pytest.approx(np.full(39, 190 / 40))
