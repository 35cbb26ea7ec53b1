from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from rd3.report.ranking import Row, rows_from
from rd3.report.terminal import print_ranking, ranking_table

Json = dict[str, Any]


def shown(rows: list[Row], width: int, sentences: list[str] | None = None) -> str:
    file = io.StringIO()
    print_ranking(Console(file=file, width=width), rows, sentences or [])
    return file.getvalue()


@pytest.mark.parametrize("width", [80, 100, 120, 160])
def test_a_ranking_fits_and_loses_no_number(rows: list[Row], width: int) -> None:
    text = shown(rows[:5], width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert "…" not in text
    for number in ("61.4", "±2.6", "+13.2", "36.0", ".223", ".233", "1.7s", "7.8kB", "3.2MB"):
        assert number in text.replace("± ", "±").replace(" s", "s").replace(" kB", "kB").replace(" MB", "MB")


@pytest.mark.parametrize("width", [113, 120])
def test_a_row_takes_one_line_where_there_is_room(rows: list[Row], width: int) -> None:
    [line] = [line for line in shown(rows[:5], width).splitlines() if line.startswith("1 ")]
    assert line.replace(" ", "").startswith("1(1–2)herding61.4±2.651°+13.2±2.6")


def test_every_method_is_named_on_its_line(rows: list[Row]) -> None:
    lines = shown(rows[:5], 120).splitlines()
    assert [line.split()[2] for line in lines if line[:1].isdigit()] == [
        "herding", "rded", "sre2l[init=real]", "random", "sre2l",
    ]  # fmt: skip


def test_what_the_reader_must_know_stands_below(rows: list[Row]) -> None:
    text = shown(rows[:5], 120, ["One honest sentence."])
    for words in ("whole target 97.4 ± 0.2 %", "† rd3-demo ranks", "≈ sre2l[init=real]", "One honest sentence."):
        assert words in text
    assert "aids: I real images, R real patches, T teacher." in text.replace("\n", " ")


def test_what_an_interval_covers_is_marked_and_explained(rows: list[Row]) -> None:
    text = shown(rows[:5], 120)
    lines = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    draws = {words[2]: words[words.index("5", 3) + 1] for words in lines}
    assert draws == {"herding": "1°", "rded": "1°", "sre2l[init=real]": "1°", "random": "5", "sre2l": "1°"}
    assert "°: ± covers student seeds only; without it, draws and seeds" in text.replace("\n", " ")


def test_one_line_tells_what_all_cells_of_a_protocol_show(rows: list[Row]) -> None:
    assert "mean ranks" not in shown(rows, 120), "rows under a protocol that is not rankable do not enter"
    text = " ".join(shown([row.model_copy(update={"rankable": True}) for row in rows], 120).split())
    for protocol in ("rd3-demo v1 (93fd20a1)", "rd3-demo-hard v1 (4be1c07a)"):
        assert f"{protocol}, mean ranks of 5 methods over 2 cells (mnist5k IPC 1, 10 with convnet3-bn)" in text
    assert text.count("at least 3 cells are needed") == 2


def test_an_unknown_score_is_an_en_dash(json_rows: list[Json]) -> None:
    text = shown(rows_from([json_rows[11] | {"ars": None}]), 120)
    assert json_rows[11]["ars"] is None
    [line] = [line for line in text.splitlines() if line.startswith("† ")][:1]
    assert " – " in line


def test_one_run_shows_no_interval(json_rows: list[Json]) -> None:
    [row] = rows_from([json_rows[1] | {"n": 1}])
    [line] = [line for line in shown([row], 120).splitlines() if line.startswith("† ")][:1]
    assert "61.4" in line
    assert "±" not in line


def test_names_cannot_style_or_steer_the_terminal(json_rows: list[Json]) -> None:
    hostile = json_rows[1] | {"method": "[red]x[/red]\x1b[2J", "target": "[b]t", "flags": ["[/] \x1b]0;own\x07"]}
    text = shown(rows_from([hostile]), 120, ["[link=x]a[/link]"])
    assert "[red]x[/red]" in text
    assert "[b]t" in text
    assert "[link=x]a[/link]" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_aids_without_a_letter_are_numbered(json_rows: list[Json]) -> None:
    text = shown(rows_from([json_rows[1] | {"aids": ["teacher", "a wizard"]}]), 120)
    assert "T1" in text
    assert "aids: 1 a wizard, T teacher." in text.replace("\n", " ")


def test_one_table_holds_one_group(rows: list[Row]) -> None:
    with pytest.raises(AssertionError, match="not 4"):
        ranking_table(rows)
