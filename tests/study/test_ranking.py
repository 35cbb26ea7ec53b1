"""Rows and sentences against numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of
from rd3.data.load import load_target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.protocol import Counterparts
from rd3.scores.definitions import ars, lrs
from rd3.study.ranking import groups, rows
from rd3.study.records import Bytes, Record, Seconds, mark_of, query, read_records
from rd3.study.verdict import sentence

ACCURACIES = {
    ("rd3", "random"): [0.60, 0.62, 0.61],
    ("rd3", "herding"): [0.70, 0.73, 0.71],
    ("rd3", "noise"): [0.40, 0.44, 0.41],
    ("rd3", "close"): [0.61, 0.61, 0.62],
    ("rd3-hard", "random"): [0.50, 0.52, 0.51],
    ("rd3-hard", "herding"): [0.60, 0.63, 0.61],
    ("rd3-hard", "noise"): [0.20, 0.24, 0.21],
    ("rd3-hard", "close"): [0.51, 0.51, 0.52],
    ("rd3-plain", "random"): [0.55, 0.56, 0.57],
    ("rd3-plain", "herding"): [0.58, 0.57, 0.59],
    ("whole", "whole"): [0.90, 0.91, 0.92],
}


def record(protocol_id: str, method: str, replicate: int, accuracy: float, **changes: Any) -> Record:
    protocol = load_protocol(protocol_id)
    settings, _ = protocol.resolve(load_target("digits"), 10, "mlp")
    values = {
        "fingerprint": fingerprint_of("run", [protocol_id, method, replicate]),
        "target": "digits",
        "target_fingerprint": "t",
        "method": method,
        "ipc": None if method == "whole" else 10,
        "draw": replicate if method == "random" else 0,
        "images": method,
        "teachers": {},
        "protocol": mark_of(protocol),
        "settings": settings,
        "student": "mlp",
        "replicate": replicate,
        "seed": replicate,
        "accuracy": accuracy,
        "peeked": accuracy + 0.05,
        "curve": ((400, accuracy),),
        "correct": "",
        "test_images": 359,
        "seconds": Seconds(squeeze=5.0, synthesise=2.0, relabel=1.0, train=float(replicate), report=0.5),
        "bytes": Bytes(images=6400, labels=100),
        "teacher_forwards": 0,
        "peak_memory": 1,
        "aids": (),
        "flags": (),
        "environment": {},
        "rd3_version": "0",
    }
    return Record.model_validate(values | changes)


def records(cells: Iterable[tuple[str, str]] = tuple(ACCURACIES)) -> list[Record]:
    return [record(*cell, replicate, value) for cell in cells for replicate, value in enumerate(ACCURACIES[cell])]


def row_of(table: list[dict[str, Any]], protocol: str, method: str) -> dict[str, Any]:
    return next(row for row in table if row["protocol"]["id"] == protocol and row["method"] == method)


def test_only_ranking_protocols_get_rows_and_the_best_is_first() -> None:
    table = rows(records())
    assert [(row["protocol"]["id"], row["method"]) for row in table] == [
        ("rd3", "herding"),
        ("rd3", "close"),
        ("rd3", "random"),
        ("rd3", "noise"),
        ("rd3-hard", "herding"),
        ("rd3-hard", "close"),
        ("rd3-hard", "random"),
        ("rd3-hard", "noise"),
    ]


def test_a_row_has_the_scores_of_its_replicates() -> None:
    row = row_of(rows(records()), "rd3", "herding")
    own, hard = ACCURACIES["rd3", "herding"], ACCURACIES["rd3-hard", "herding"]
    random, whole = ACCURACIES["rd3", "random"], ACCURACIES["whole", "whole"]
    low, high = stats.t.interval(0.95, 2, loc=fmean(own), scale=stats.sem(own))
    assert row["accuracy"] == pytest.approx({"mean": fmean(own), "low": low, "high": high})
    hlrs = [w - h for w, h in zip(whole, hard, strict=True)]
    iors = [o - r for o, r in zip(own, random, strict=True)]
    plain = [0.58 - 0.55, 0.57 - 0.56, 0.59 - 0.57]
    assert row["hlr"]["mean"] == pytest.approx(fmean(hlrs))
    assert row["ior"]["mean"] == pytest.approx(fmean(iors))
    assert row["lrs"]["mean"] == pytest.approx(fmean(map(lrs, hlrs, iors)))
    assert row["ars"]["mean"] == pytest.approx(fmean(map(ars, iors, plain)))
    assert row["random"]["mean"] == pytest.approx(fmean(random))
    assert row["whole"]["mean"] == pytest.approx(fmean(whole))
    assert row["seconds"] == {"squeeze": 5.0, "synthesise": 2.0, "relabel": 1.0, "train": 1.0}
    assert (row["n"], row["draws"], row["rankable"]) == (3, 1, True)


def test_a_hard_row_takes_itself_for_hlr_and_random_is_worth_nothing_over_random() -> None:
    table = rows(records())
    hard = row_of(table, "rd3-hard", "herding")
    assert hard["hlr"]["mean"] == pytest.approx(row_of(table, "rd3", "herding")["hlr"]["mean"])
    random = row_of(table, "rd3", "random")
    assert random["ior"] == {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert random["draws"] == 3
    assert random["versus_random"] is None


def test_scores_whose_parts_were_not_run_are_null() -> None:
    row = row_of(rows(records()), "rd3", "noise")
    assert row["ars"] is None
    assert row["lrs"] is not None
    alone = rows(records([("rd3", "herding")]))[0]
    assert [alone[name] for name in ("hlr", "ior", "lrs", "ars", "random", "whole", "versus_random")] == [None] * 7


def test_differences_to_random_are_paired_and_corrected_within_the_group() -> None:
    table = rows(records())
    own, random = ACCURACIES["rd3", "noise"], ACCURACIES["rd3", "random"]
    found = row_of(table, "rd3", "noise")["versus_random"]
    assert found["mean"] == pytest.approx(-0.19333333)
    p = stats.ttest_rel(own, random).pvalue
    assert found["p"] == pytest.approx(p)
    assert found["p"] <= found["p_holm"] <= 3 * found["p"]
    assert found["separable"] is True
    close = row_of(table, "rd3", "close")["versus_random"]
    assert close["separable"] is False
    assert close["seeds_needed"] > 3


def with_draws(values: dict[int, float], draws: int) -> list[Record]:
    """Runs of herding, replicate r on draw r modulo `draws`, and of random with a subset a replicate."""
    made = [record("rd3", "herding", r, v, draw=r % draws, images=f"set {r % draws}") for r, v in values.items()]
    return made + [record("rd3", "random", r, 0.60 + 0.01 * (r % 3)) for r in values]


def test_a_row_says_what_its_interval_covers_and_how_much_draws_and_seeds_vary() -> None:
    values = {0: 0.70, 1: 0.75, 2: 0.66, 3: 0.71, 4: 0.76, 5: 0.65}
    row = row_of(rows(with_draws(values, 3)), "rd3", "herding")
    by_draw = [[values[draw], values[draw + 3]] for draw in range(3)]
    means = [fmean(seeds) for seeds in by_draw]
    low, high = stats.t.interval(0.95, 2, loc=fmean(means), scale=stats.sem(means))
    assert row["accuracy"] == pytest.approx({"mean": fmean(means), "low": low, "high": high})
    assert (row["n"], row["draws"], row["covers"]) == (6, 3, "draws and seeds")
    within = fmean([stats.tvar(seeds) for seeds in by_draw])
    ratio = stats.f_oneway(*by_draw).statistic
    assert row["variance"] == pytest.approx({"draws": (ratio - 1) * within / 2, "seeds": within})
    low, high = stats.t.interval(0.95, 3, loc=fmean(means), scale=(within / 6) ** 0.5)
    assert row["given_draws"] == pytest.approx({"mean": fmean(means), "low": low, "high": high})


def test_differences_and_scores_take_the_seeds_of_a_draw_together() -> None:
    values = {0: 0.70, 1: 0.75, 2: 0.66, 3: 0.71, 4: 0.76, 5: 0.65}
    row = row_of(rows(with_draws(values, 3)), "rd3", "herding")
    gains = [values[r] - (0.60 + 0.01 * (r % 3)) for r in range(6)]
    means = [fmean((gains[draw], gains[draw + 3])) for draw in range(3)]
    oracle = stats.ttest_1samp(means, 0)
    low, high = oracle.confidence_interval()
    found = row["versus_random"]
    assert (found["p"], found["low"], found["high"]) == pytest.approx((oracle.pvalue, low, high))
    assert (found["n"], found["units"], found["draws_of"]) == (6, 3, ["herding", "random"])
    assert found["p_sign_flip"] == 0.25
    assert row["ior"] == pytest.approx({"mean": fmean(means), "low": low, "high": high})


def test_one_synthesis_covers_seeds_only_and_its_difference_the_subsets_of_random() -> None:
    table = rows(records())
    herding, random = row_of(table, "rd3", "herding"), row_of(table, "rd3", "random")
    assert (herding["covers"], random["covers"]) == ("seeds", "draws and seeds")
    assert herding["variance"] == pytest.approx({"draws": None, "seeds": stats.tvar(ACCURACIES["rd3", "herding"])})
    assert random["variance"] == {"draws": None, "seeds": None}, "one seed a subset does not tell them apart"
    assert herding["given_draws"] is None
    assert herding["versus_random"]["draws_of"] == ["random"]
    assert herding["versus_random"]["p_sign_flip"] == 0.25
    assert rows(records([("rd3", "herding")])[:1])[0]["covers"] is None


def test_unequal_numbers_of_seeds_count_every_draw_equally() -> None:
    row = row_of(rows(with_draws({0: 0.70, 1: 0.80, 2: 0.72, 3: 0.82, 4: 0.74}, 2)), "rd3", "herding")
    assert row["accuracy"]["mean"] == pytest.approx(fmean((0.72, 0.81)))


def test_ranks_are_those_that_paired_tests_leave_open() -> None:
    found = {row["method"]: row["rank"] for row in rows(records()) if row["protocol"]["id"] == "rd3"}
    names = [name for protocol, name in ACCURACIES if protocol == "rd3"]
    pairs = [(a, b) for a in names for b in names if a < b]
    p_values = [stats.ttest_rel(ACCURACIES["rd3", a], ACCURACIES["rd3", b]).pvalue for a, b in pairs]
    ahead = {pair for pair, p in zip(pairs, multipletests(p_values, method="holm")[1], strict=True) if p < 0.05}
    assert 0 < len(ahead) < 6, "the case is chosen so that some pairs are separable"
    mean = {name: fmean(ACCURACIES["rd3", name]) for name in names}
    for name in names:
        others = [a if b == name else b for a, b in ahead if name in (a, b)]
        better = sum(mean[other] > mean[name] for other in others)
        assert (found[name]["low"], found[name]["high"]) == (1 + better, 4 - (len(others) - better))
    assert [found[name]["value"] for name in ("herding", "close", "random", "noise")] == [1, 2, 3, 4]


def test_two_versions_of_a_protocol_are_not_mixed() -> None:
    one = records([("rd3", "random")])
    other = [r.model_copy(update={"protocol": r.protocol.model_copy(update={"hash": "x"})}) for r in one]
    with pytest.raises(UserError, match="two hashes"):
        rows([*one, *other])


def test_a_cut_protocol_is_marked() -> None:
    row = rows([record("rd3-demo", "random", replicate, 0.5) for replicate in range(2)])[0]
    assert row["rankable"] is False
    assert "not rankable: 60 epochs where rd3 has 400" in row["flags"]


def test_the_sentence_says_who_is_above_below_and_not_separable() -> None:
    table = rows(records())
    text = sentence(groups(table)[0])
    assert "random real images reach 61.0 %" in text
    assert "above them: herding (+10.3)" in text
    assert "below them, under the same labels: noise (-19.3)" in text
    assert "not separable from random: close (3 seeds, about" in text


def test_the_sentence_says_what_rests_on_one_synthesis() -> None:
    assert "(mlp, n = 3, one synthesis a method)" in sentence(groups(rows(records()))[0])
    two = with_draws({0: 0.62, 1: 0.59, 2: 0.64, 3: 0.60}, 2)
    assert "one synthesis" not in sentence(rows(two))
    assert "herding (4 seeds in 2 draws, about " in sentence(rows(two))
    mixed = [*two, *(record("rd3", "noise", r, 0.4 + 0.01 * r) for r in range(4))]
    assert "one synthesis of noise)" in sentence(rows(mixed))


def test_one_seed_compares_nothing_and_says_so() -> None:
    single = [record("rd3", method, 0, 0.5) for method in ("random", "herding")]
    assert "nothing to compare" in sentence(rows(single))


def test_records_answer_sql() -> None:
    answer = query(records(), "select method, count(*) n, avg(accuracy) a from runs where protocol = 'rd3' group by 1")
    assert {row["method"]: (row["n"], round(row["a"], 6)) for row in answer}["random"] == (3, 0.61)


def test_two_data_sets_of_one_name_are_ranked_apart() -> None:
    other = [r.model_copy(update={"target_fingerprint": "u", "fingerprint": f"{r.fingerprint}u"}) for r in records()]
    assert len(rows([*records(), *other])) == 2 * len(rows(records()))


def test_runs_of_one_cell_with_different_teachers_are_not_mixed() -> None:
    one = record("rd3", "herding", 0, 0.5, teachers={"a": 0.9})
    other = record("rd3", "herding", 0, 0.6, teachers={"b": 0.9}, fingerprint="another")
    with pytest.raises(UserError, match="herding, IPC 10, rd3, mlp, seed 0 on digits: their teachers differ"):
        rows([one, other])


def test_methods_that_different_teachers_labelled_are_not_compared() -> None:
    one, other = (
        record("rd3", "random", 0, 0.5, teachers={"a": 0.9}),
        record("rd3", "mine", 0, 0.6, teachers={"b": 0.9}),
    )
    with pytest.raises(UserError, match="come from different teachers; rank them apart"):
        rows([one, other])


def test_soft_labels_without_a_hard_counterpart_have_no_hlr() -> None:
    bare = [
        r.model_copy(update={"protocol": r.protocol.model_copy(update={"counterparts": Counterparts(whole="whole")})})
        for r in records([("rd3", "herding"), ("rd3", "random")])
    ]
    row = row_of(rows([*bare, *records([("whole", "whole")])]), "rd3", "herding")
    assert row["hlr"] is None
    assert row["ior"] is not None


def test_a_pair_is_compared_on_the_seeds_that_both_have() -> None:
    few = [r for r in records() if r.method != "close" or r.replicate < 2]
    table = rows(few)
    assert row_of(table, "rd3", "herding")["versus_random"]["n"] == 3
    assert row_of(table, "rd3", "close")["versus_random"]["n"] == 2
    assert row_of(table, "rd3", "close")["n"] == 2


def test_differences_that_happen_to_be_equal_are_not_free_of_noise() -> None:
    runs = [record("rd3", "random", r, 0.5) for r in range(2)] + [record("rd3", "close", r, 0.503) for r in range(2)]
    found = row_of(rows(runs), "rd3", "close")["versus_random"]
    assert found["separable"] is False  # one image of 359 is 0.0028: two equal differences of it prove nothing
    assert found["p"] > 0.1


def test_two_results_of_one_run_are_refused_unless_machines_differ(tmp_path: Path) -> None:
    one, other = record("rd3", "random", 0, 0.5), record("rd3", "random", 0, 0.51)
    (tmp_path / "a.json").write_text(one.model_dump_json())
    (tmp_path / "b.json").write_text(other.model_dump_json())
    with pytest.raises(UserError, match="another record of the same run"):
        read_records([tmp_path])
    elsewhere = other.model_copy(update={"environment": {"device": "cuda"}})
    (tmp_path / "b.json").write_text(elsewhere.model_dump_json())
    (kept,) = read_records([tmp_path])
    assert kept.accuracy == 0.5
    assert any("several machines" in flag for flag in kept.flags)


def against(whole: str, *, cells: Iterable[tuple[str, str]]) -> list[Record]:
    """Records that are scored against another whole-target protocol, in place of `whole`."""
    counterparts = {"hard": "rd3-hard", "plain": "rd3-plain", "whole": whole}
    return [
        r.model_copy(update={"protocol": r.protocol.model_copy(update={"counterparts": Counterparts(**counterparts)})})
        for r in records(cells)
    ]


def peeked_whole() -> list[Record]:
    flags = ("chosen on the test split: for comparison only",)
    return [record("whole+test-peek", "whole", r, 0.9 + 0.01 * r, flags=flags) for r in range(3)]


def test_a_reference_that_peeks_bars_the_row_and_says_so() -> None:
    own = [("rd3", "random"), ("rd3", "herding")]
    hard = records([("rd3-hard", "random"), ("rd3-hard", "herding")])
    table = rows([*against("whole+test-peek", cells=own), *hard, *peeked_whole()])
    herding = row_of(table, "rd3", "herding")
    assert herding["hlr"]["mean"] == pytest.approx(0.91 - fmean(ACCURACIES["rd3-hard", "herding"]))
    assert (herding["rankable"], herding["rank"]) == (False, None)
    assert "A_rh: chosen on the test split: for comparison only" in herding["flags"]
    honest = row_of(rows([*records(own), *hard, *records([("whole", "whole")])]), "rd3", "herding")
    assert (honest["rankable"], honest["flags"], honest["rank"]["value"]) == (True, [], 1)


def test_one_group_has_one_reference_whatever_the_order() -> None:
    two = [*records([("rd3", "random")]), *against("whole-short", cells=[("rd3", "herding")])]
    for order in (two, two[::-1]):
        with pytest.raises(
            UserError, match=r"digits, IPC 10, rd3, mlp: .* both whole and whole-short; rank them apart"
        ):
            rows(order)


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_one_run_of_two_studies_has_one_reference(names: tuple[str, str], tmp_path: Path) -> None:
    one, other = records([("rd3", "random")])[0], against("whole-short", cells=[("rd3", "random")])[0]
    none = against("none", cells=[("rd3", "random")])[0]
    places = [tmp_path / f"{name}.json" for name in names]
    for place, made in zip(places, (one, other), strict=True):
        place.write_text(made.model_dump_json())
    with pytest.raises(UserError, match="another record of the same run is scored against the whole target under"):
        read_records(places)
    places[1].write_text(none.model_dump_json())
    (kept,) = read_records(places)
    assert kept.protocol.counterparts.whole == "whole"


def test_a_random_set_that_is_a_reference_itself_is_flagged() -> None:
    random = records([("rd3", "random")])
    mine = [
        record("rd3", "random (this set)", r, v, **({"fingerprint": random[0].fingerprint} if r == 0 else {}))
        for r, v in enumerate([0.60, 0.61, 0.63])
    ]
    row = row_of(rows([*random, *mine]), "rd3", "random (this set)")
    assert row["flags"] == ["the set is one of the random references: with seed 0 the same run stands on both sides"]
    assert row_of(rows(random), "rd3", "random")["flags"] == []


def test_a_cell_that_is_hard_already_is_its_own_hard_part() -> None:
    """minimax has soft labels on large images only: on small ones its hard counterpart trains just the same."""
    target, made = load_target("digits"), []
    for name in ("minimax", "minimax-hard"):
        settings = load_protocol(name).resolve(target, 10, "mlp")[0]
        made += [
            record(name, "mine", r, v, settings=settings)
            for r, v in enumerate([0.5, 0.6] if name == "minimax" else [0.3, 0.7])
        ]
    named = str(load_protocol("minimax").counterparts.whole)
    made += [record(named, "whole", replicate, value) for replicate, value in enumerate(ACCURACIES["whole", "whole"])]
    row = row_of(rows(made), "minimax", "mine")
    assert row["hlr"]["mean"] == pytest.approx((0.90 - 0.5 + 0.91 - 0.6) / 2)
