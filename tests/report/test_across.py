"""Which cells enter the mean ranks of a protocol, and what is said and drawn of them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

import pytest

from rd3.report.across import across, sentence
from rd3.report.diagram import rank_diagram
from rd3.report.ranking import rows_from

Json = dict[str, Any]
SVG = "{http://www.w3.org/2000/svg}"
ORDER = ("rded", "herding", "random", "sre2l")


def cell(row: Json, accuracies: dict[str, float], **changes: Any) -> list[Json]:
    """One row a method, made like `row`, under a protocol that ranks."""
    return [
        row
        | {"rankable": True}
        | {"method": name, "accuracy": {"mean": value, "low": value - 0.01, "high": value + 0.01}}
        | changes
        for name, value in accuracies.items()
    ]


def falling(*names: str) -> dict[str, float]:
    return {name: 0.9 - 0.1 * place for place, name in enumerate(names)}


@pytest.fixture
def four_cells(json_rows: list[Json]) -> list[Json]:
    """Four methods in the same order in four cells of two targets."""
    row = json_rows[0]
    places = [("mnist5k", 1), ("mnist5k", 10), ("cifar10", 1), ("cifar10", 10)]
    return [made for target, ipc in places for made in cell(row, falling(*ORDER), target=target, ipc=ipc)]


def test_cells_of_one_protocol_are_ranked_together_and_those_of_two_never(four_cells: list[Json]) -> None:
    other = {"id": "rd3-demo", "version": 2, "hash": "another"}
    mixed = [*four_cells, *(row | {"protocol": other} for row in four_cells[:8])]
    first, second = across(rows_from(mixed))
    assert (first.result.cells, second.result.cells) == (4, 2)
    assert first.result.mean_ranks == (1, 2, 3, 4)
    assert first.result.methods == ORDER


def test_the_sentence_names_the_cells_and_who_is_ahead(four_cells: list[Json]) -> None:
    [found] = across(rows_from(four_cells))
    said = sentence(found)
    assert "over 4 cells (mnist5k IPC 1, 10 with convnet3-bn; cifar10 IPC 1, 10 with convnet3-bn)" in said
    assert "rded 1.00, herding 2.00, random 3.00, sre2l 4.00" in said
    # 2.569 sqrt(4 * 5 / (6 * 4)) = 2.35: only the ends are far enough apart
    assert "differences of 2.35 or more count (Nemenyi, α = 0.05): rded is ahead of sre2l." in said
    assert "Friedman's χ² is 12.0, p = 0.007" in said
    assert "Cells of one target share its images" in said


def test_too_few_cells_say_how_many_it_takes(four_cells: list[Json]) -> None:
    [found] = across(rows_from(four_cells[:4]))
    # 2.569 sqrt(20 / 6) = 4.69 > 3, and 4.69 / sqrt(3) = 2.71 < 3
    assert not found.result.decidable
    assert "over 1 cell (mnist5k IPC 1 with convnet3-bn): no two could differ" in sentence(found)
    assert "the critical difference is 4.69 (Nemenyi, α = 0.05); at least 3 cells are needed." in sentence(found)


def test_opposite_orders_tell_nothing_apart(json_rows: list[Json]) -> None:
    names = ("a", "b", "c")
    orders = (names, names[::-1]) * 2
    made = [r for ipc, order in enumerate(orders, start=1) for r in cell(json_rows[0], falling(*order), ipc=ipc)]
    [found] = across(rows_from(made))
    assert sentence(found).split(";")[-1].startswith(" Friedman's χ² is 0.0, p = 1: the methods are not told apart")


def test_an_incomplete_cell_or_method_is_left_out_and_named(json_rows: list[Json], four_cells: list[Json]) -> None:
    lacking = cell(json_rows[0], falling("random", "rded"), target="digits", ipc=5)
    more = cell(json_rows[0], {"dm": 0.5}, target="mnist5k", ipc=1)
    [found] = across(rows_from([*four_cells, *lacking, *more]))
    assert (found.result.cells, found.result.methods) == (4, ORDER)
    said = sentence(found)
    assert said.endswith("not every cell has every method: methods dm; cells digits IPC 5 with convnet3-bn.")


def test_a_method_that_may_not_be_ranked_does_not_enter(four_cells: list[Json]) -> None:
    barred = [row | {"rankable": row["method"] != "sre2l"} for row in four_cells]
    [found] = across(rows_from(barred))
    assert found.result.methods == ("rded", "herding", "random")


def test_a_protocol_that_is_not_rankable_has_no_mean_ranks(four_cells: list[Json]) -> None:
    assert across(rows_from([row | {"rankable": False} for row in four_cells])) == []


def test_one_method_has_no_ranks(json_rows: list[Json]) -> None:
    assert across(rows_from(json_rows[:1])) == []
    assert across([]) == []


def texts(root: ET.Element) -> set[str]:
    return {" ".join(" ".join(node.itertext()).split()) for node in root.iter(f"{SVG}text")}


def test_the_diagram_is_to_scale(four_cells: list[Json]) -> None:
    [found] = across(rows_from(four_cells))
    root = ET.fromstring(rank_diagram(found))
    assert texts(root) >= {*ORDER, "1.00", "4.00", "critical difference 2.35", "mean rank, 1 is best"}
    [points] = [node for node in root.iter() if "mark-symbol" in node.get("class", "")]
    places = [float(path.get("transform", "")[10:].split(",")[0]) for path in points.iter(f"{SVG}path")]
    step = places[1] - places[0]
    assert places == pytest.approx([places[0] + step * rank for rank in range(4)])
    lengths = [abs(float(line.get("x2", 0))) for line in root.iter(f"{SVG}line") if line.get("stroke-width") == "1.6"]
    assert max(lengths) == pytest.approx(step * found.result.critical_difference)


def test_a_bar_joins_each_group_that_is_not_told_apart(four_cells: list[Json]) -> None:
    [found] = across(rows_from(four_cells))
    root = ET.fromstring(rank_diagram(found))
    bars = [line for line in root.iter(f"{SVG}line") if line.get("stroke-width") == "3"]
    assert [len(group) for group in found.result.groups] == [3, 3]
    height = 22  # of a row
    assert [abs(float(bar.get("y2", 0))) for bar in bars] == pytest.approx([(2 + 0.4) * height] * 2)


def test_a_hostile_name_is_only_text(four_cells: list[Json]) -> None:
    bad = "<script>alert(1)</script>"
    rows = [row | {"method": bad if row["method"] == "rded" else row["method"]} for row in four_cells]
    [found] = across(rows_from(rows))
    assert "<script" not in rank_diagram(found)
