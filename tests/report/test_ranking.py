from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rd3.base.errors import UserError
from rd3.report.notes import no_place, notes, references
from rd3.report.ranking import Row, grouped, rank_intervals, ranks, read_ranking, rows_from

Json = dict[str, Any]
BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


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


def test_a_cut_protocol_has_an_order_of_its_own_and_a_peeking_one_none(json_rows: list[Json]) -> None:
    cut = grouped(rows_from(json_rows[:5]))[0]
    assert ranks(cut) == [1, 2, 3, 4, 5]
    assert notes(cut)[0].startswith("† rd3-demo ranks these methods among themselves only")
    flags = ["A_rh: chosen on the test split: for comparison only"]
    peeking = grouped(rows_from([row | {"flags": flags, "rank": None} for row in json_rows[:5]]))[0]
    assert ranks(peeking) == [None] * 5
    assert notes(peeking)[0] == "† rd3-demo: for comparison only, not ranked."


def test_a_row_that_stands_alone_has_no_place(json_rows: list[Json]) -> None:
    [row] = rows_from([json_rows[0] | {"rankable": True}])
    assert ranks(grouped([row])[0]) == [None]
    assert no_place(row) == "–"


def test_a_row_that_is_not_rankable_takes_no_place(json_rows: list[Json]) -> None:
    group = grouped(rows_from([row | {"rankable": row["method"] != "herding"} for row in json_rows]))[0]
    assert ranks(group) == [None, 1, 2, 3, 4]
    assert notes(group)[0] == "† herding: shown, but not rankable under rd3-demo."


OLDER = ("covers", "given_draws", "variance", "rank")
OLDER_VERSUS = ("n", "units", "draws_of", "deviation", "p_sign_flip")


def as_older(row: Json) -> Json:
    """The row as it was before it said what its intervals cover."""
    versus = row["versus_random"]
    kept = versus and {key: value for key, value in versus.items() if key not in OLDER_VERSUS}
    return {key: value for key, value in row.items() if key not in OLDER} | {"versus_random": kept}


def test_a_row_of_an_older_file_reads_without_what_it_lacks(json_rows: list[Json]) -> None:
    group = grouped(rows_from(map(as_older, json_rows)))[0]
    assert rank_intervals(group) == [None] * 5
    assert ranks(group) == [1, 2, 3, 4, 5]
    assert {row.method: row.interval_covers for row in group.rows}["random"] == "draws and seeds"
    assert {row.method: row.interval_covers for row in group.rows}["rded"] == "seeds"
    assert not [line for line in notes(group) if "covers" in line or "sign flips" in line]


def test_an_older_interval_of_several_seeds_a_draw_is_not_taken_to_cover_draws(json_rows: list[Json]) -> None:
    [row] = rows_from([as_older(json_rows[0]) | {"draws": 2}])
    assert row.interval_covers == "seeds"


def test_the_measured_ranking_of_an_older_version_still_reads() -> None:
    rows = read_ranking(BENCHMARKS / "results" / "cifar10-cpu" / "ranking.json")
    assert len(rows) == 12
    assert all(row.rank is None and row.interval_covers in ("seeds", "draws and seeds") for row in rows)


def test_rank_intervals_are_shown_for_whole_groups_only(json_rows: list[Json]) -> None:
    whole = rank_intervals(grouped(rows_from(json_rows))[0])
    assert [(rank.low, rank.high) for rank in whole if rank] == [(1, 2), (1, 3), (2, 4), (3, 5), (4, 5)]
    part = grouped(rows_from(json_rows[:4]))[0]
    assert rank_intervals(part) == [None] * 4
    barred = [row | {"rankable": row["method"] != "herding"} for row in json_rows]
    assert rank_intervals(grouped(rows_from(barred))[0]) == [None] * 5


def test_notes_say_what_differences_rest_on(json_rows: list[Json]) -> None:
    said = notes(grouped(rows_from(json_rows))[0])
    assert "vs random covers seeds and random's draws, for the one synthesis of a method at hand." in said
    [tests] = [line for line in said if "sign flips" in line]
    assert "(at least 0.062 with 5 pairs)" in tests
    assert "herding 0.030, 0.062; rded 0.030, 0.062;" in tests


def test_notes_of_several_draws_give_both_deviations(json_rows: list[Json]) -> None:
    versus = json_rows[1]["versus_random"] | {"separable": False, "n": 6, "units": 3, "seeds_needed": 24}
    several = {"n": 6, "draws": 3, "covers": "draws and seeds", "variance": {"draws": 0.0004, "seeds": 0.0001}}
    several |= {"given_draws": {"mean": 0.6, "low": 0.59, "high": 0.61}}
    several |= {"versus_random": versus | {"draws_of": ["herding", "random"]}}
    said = notes(grouped(rows_from([json_rows[0], json_rows[1] | several, *json_rows[2:5]]))[0])
    assert any(line.endswith("in points: herding 2.0, 1.0, ±\xa01.0.") for line in said)
    assert "vs random covers seeds, and draws on both sides: herding." in said
    assert any(
        line.startswith("vs random covers seeds and random's draws")
        and line.endswith(": rded, sre2l[init=real], sre2l.")
        for line in said
    )
    expected = "not separable from random with 6 seeds in 3 draws; it would need about 24 seeds in 12 draws."
    assert f"≈ herding is {expected}" in said


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
