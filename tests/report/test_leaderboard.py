"""Methods under their own protocols side by side: which rows enter, in which order, and what their lines say."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from rd3.report.leaderboard import board_table, boards
from rd3.report.method_names import short_names
from rd3.report.ranking import Row, rows_from
from rd3.report.terminal import print_ranking

Json = dict[str, Any]


@pytest.fixture
def own(json_rows: list[Json]) -> list[Row]:
    """Methods that share rd3-demo at IPC 1; sre2l and herding have protocols of their own, and random has both."""
    shared = [row | {"label_kind": "online"} for row in json_rows[:5]]
    kinds = {"sre2l": "online", "herding": "hard"}
    alone = [
        row | {"protocol": {"id": f"{name}-own", "version": 1, "hash": name}, "label_kind": kind, "rankable": True}
        for name, kind in kinds.items()
        for row in shared
        if row["method"] in (name, "random")
    ]
    return rows_from([*shared, *alone])


def shown(rows: list[Row], width: int = 120) -> list[str]:
    [board] = boards(rows)
    file = io.StringIO()
    Console(file=file, width=width).print(board_table(board))
    return file.getvalue().splitlines()


def test_a_board_has_the_methods_with_protocols_of_their_own_by_lrs(own: list[Row]) -> None:
    [board] = boards(own)
    assert (board.target, board.ipc, board.student) == ("mnist5k", 1, "convnet3-bn")
    assert [(row.method, row.protocol.id) for row in board.rows] == [("herding", "herding-own"), ("sre2l", "sre2l-own")]
    first, second = (row.lrs for row in board.rows)
    assert first is not None
    assert second is not None
    assert first.mean > second.mean


def test_no_board_where_all_share_their_protocols_or_only_one_has_its_own(own: list[Row], rows: list[Row]) -> None:
    assert boards(rows) == []
    assert boards([row for row in own if row.protocol.id != "sre2l-own"]) == []
    assert boards([row.model_copy(update={"lrs": None}) for row in own]) == []


def test_the_hard_part_of_a_score_is_no_line_of_its_own(own: list[Row]) -> None:
    soft = next(row for row in own if row.protocol.id == "sre2l-own" and row.method == "sre2l")
    name = soft.protocol.model_copy(update={"id": "sre2l-own-hard", "hash": "other"})
    hard = soft.model_copy(update={"protocol": name, "label_kind": "hard"})
    assert [len(board.rows) for board in boards([*own, hard])] == [3]
    linked = [row.model_copy(update={"hard_counterpart": "sre2l-own-hard"}) if row is soft else row for row in own]
    assert [row.protocol.id for row in boards([*linked, hard])[0].rows] == ["herding-own", "sre2l-own"]


def test_a_line_has_labels_protocol_accuracies_and_scores(own: list[Row]) -> None:
    lines = shown(own)
    [line] = [line for line in lines if line.startswith("herding")]
    # 61.4 against 48.2 and a whole of 97.4: HLR 36.0, IOR 13.2, LRS of α = −.114
    assert line.split()[:2] == ["herding", "hard"]
    for part in ("herding-own", "61.4 ± 2.6", "36.0 ± 2.6", "13.2 ± 2.6", "0.223 ± 0.004"):
        assert part in line
    assert "†" not in line
    assert any("online" in line for line in lines if line.startswith("sre2l"))
    assert "ordered by LRS; protocols differ, so the order is no ranking" in " ".join(" ".join(lines).split())


def test_it_is_printed_below_the_rankings_and_fits(own: list[Row]) -> None:
    file = io.StringIO()
    print_ranking(Console(file=file, width=110), own)
    text = file.getvalue()
    assert text.index("rd3-demo v1") < text.index("own protocols · convnet3-bn") < text.index("#: rank by accuracy")
    assert max(map(len, text.splitlines())) <= 110


def test_what_is_not_separable_or_cut_is_marked(own: list[Row]) -> None:
    changed = [
        row.model_copy(
            update={"rankable": False, "versus_random": row.versus_random.model_copy(update={"separable": False})}
        )
        if row.versus_random
        else row
        for row in own
    ]
    [line] = [line for line in shown(changed) if line.startswith("herding")]
    assert "herding-own †" in line
    assert "≈13.2 ± 2.6" in line


def test_rows_of_older_files_have_no_label_kind(own: list[Row]) -> None:
    [line] = [line for line in shown([row.model_copy(update={"label_kind": None}) for row in own]) if "herding" in line]
    assert line.split()[1] == "–"


def test_short_names_keep_what_tells_methods_apart() -> None:
    labels = ["idc[image_lr=1e-09,iterations=1]", "idc[image_lr=0.0001,iterations=3]", "dm[iterations=3]", "random"]
    assert list(short_names(labels).values()) == ["idc[image_lr=1e-09]", "idc[image_lr=0.0001]", "dm", "random"]
    two = ["a[x=1,y=1]", "a[x=1,y=2]", "a[x=2,y=1]"]
    assert list(short_names(two).values()) == two
    assert short_names(["a[x=(1, 2),y=1]", "a[x=(1, 3),y=1]"])["a[x=(1, 3),y=1]"] == "a[x=(1, 3)]"
    assert len(set(short_names(labels + two).values())) == 7


def test_settings_that_a_short_name_leaves_out_stand_below(own: list[Row]) -> None:
    renamed = [
        row.model_copy(update={"method": "sre2l[iterations=500]"}) if row.method == "sre2l" else row for row in own
    ]
    lines = shown(renamed)
    assert any(line.split()[:2] == ["sre2l", "online"] for line in lines)
    assert "sre2l: sre2l[iterations=500]" in [line.strip() for line in lines]
