from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rd3.base.errors import UserError
from rd3.report.notes import notes, references
from rd3.report.ranking import Row, grouped, ranks, read_ranking, rows_from

Json = dict[str, Any]


def test_a_ranking_file_reads_back(json_rows: list[Json], rows: list[Row], tmp_path: Path) -> None:
    path = tmp_path / "ranking.json"
    path.write_text(json.dumps({"schema": "rd3.ranking/1", "rows": json_rows}))
    assert read_ranking(path) == rows


@pytest.mark.parametrize(
    "content", ["", "[]", '{"schema": "rd3.ranking/2", "rows": []}', '{"schema": "rd3.ranking/1"}']
)
def test_another_file_is_refused_by_name(content: str, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(UserError, match=r"other\.json"):
        read_ranking(path)


def test_a_missing_file_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.json: cannot be read") as caught:
        read_ranking(tmp_path / "gone.json")
    assert "\n" not in str(caught.value)


def test_a_bad_row_is_named(json_rows: list[Json]) -> None:
    json_rows[2]["accuracy"]["mean"] = float("nan")
    with pytest.raises(UserError, match=r"row 3: accuracy\.mean = nan"):
        rows_from(json_rows)


def test_keys_of_a_newer_writer_are_ignored(json_rows: list[Json], rows: list[Row]) -> None:
    assert rows_from([{**row, "peak_memory": 1} for row in json_rows]) == rows


def test_one_run_has_no_interval(json_rows: list[Json]) -> None:
    [row] = rows_from([json_rows[1] | {"n": 1}])
    parts = [row.accuracy, row.random, row.hlr, row.ior, row.lrs, row.ars, row.versus_random]
    assert all(part is not None and part.half is None for part in parts)


def test_rows_of_two_hashes_are_never_in_one_group(json_rows: list[Json]) -> None:
    json_rows[0]["protocol"] = {**json_rows[0]["protocol"], "hash": "ffff"}
    groups = grouped(rows_from(json_rows))
    assert sorted(len(group.rows) for group in groups) == [1, 4, 5, 5, 5]


def test_the_most_accurate_row_comes_first(rows: list[Row]) -> None:
    group = grouped(rows)[0]
    assert [row.method for row in group.rows] == ["herding", "rded", "sre2l[init=real]", "random", "sre2l"]
    assert ranks(group) == [1, 2, 3, 4, 5]


def test_a_row_that_is_not_rankable_takes_no_place(json_rows: list[Json]) -> None:
    group = grouped(rows_from([row | {"rankable": row["method"] != "herding"} for row in json_rows]))[0]
    assert ranks(group) == [None, 1, 2, 3, 4]
    assert notes(group)[0] == "† herding: shown, but not rankable under rd3-demo."


def test_notes_say_what_the_numbers_do_not(rows: list[Row]) -> None:
    said = "\n".join(notes(grouped(rows)[0]))
    assert "not comparable with results under rd3" in said
    assert "≈ sre2l[init=real] is not separable from random with 5 seeds; it would need about 23 seeds." in said
    assert "sre2l[init=real]: initial images are real" in said


def test_references_stand_beside_the_ranking(rows: list[Row]) -> None:
    assert references(grouped(rows)[0]) == "whole target 97.4 ± 0.2 %; random images 48.2 ± 2.6 %"


def test_a_flag_of_all_rows_is_said_once(json_rows: list[Json]) -> None:
    flagged = [row | {"flags": ["early", *["real" for _ in row["flags"]]]} for row in json_rows[:5]]
    said = notes(grouped(rows_from(flagged))[0])
    assert said[-2:] == ["early", "sre2l[init=real]: real"]
