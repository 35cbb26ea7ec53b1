"""squeeze, distill, evaluate, score, validate, study, rank and report, one after the other on real digits."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy import stats

STUDY = (
    "name: tiny\ntargets: [digits]\nteacher: {{model: convnet1-bn-w8, epochs: 2}}\n"
    "methods: [random, {{name: sre2l, iterations: 10}}]\nipc: [2]\nprotocols: [{protocol}]\n"
    "students: [convnet1-bn-w8]\nseeds: 2\n"
)


def records(home) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in (home.path / "store" / "run").glob("*/record.json")]


def accuracies(home, method: str, protocol: str) -> dict[int, float]:
    """Replicate -> accuracy, straight from the records; the reference has a fresh random draw in every replicate."""
    found = [r for r in records(home) if (r["method"], r["protocol"]["id"]) == (method, protocol)]
    return {r["replicate"]: r["accuracy"] for r in found if method != "random" or r["draw"] == r["replicate"]}


def test_squeeze_says_what_the_teacher_reaches(terminal, home) -> None:
    said = terminal.done("squeeze", "digits", *home.options)
    match = re.fullmatch(r"teacher ([0-9a-f]{20}): convnet1-bn-w8 on digits, ([0-9.]+)% on the test split, \d+ s", said)
    assert match is not None, said
    facts = json.loads((home.path / "store" / "teacher" / match[1] / "teacher.json").read_text())
    assert f"{facts['test_accuracy']:.1%}" == f"{match[2]}%"


def test_distill_writes_a_folder_that_validates(terminal, home) -> None:
    assert terminal.done("validate", home.sre2l, "--target", "digits").endswith("20 images of 1x8x8, 10 classes, whole")
    manifest = json.loads((home.sre2l / "manifest.json").read_text())["manifest"]
    assert manifest["method"] == "sre2l[iterations=10]"
    assert manifest["settings"]["iterations"] == 10
    assert manifest["ipc"] == 2


def test_distill_writes_where_it_is_told_and_nowhere_twice(terminal, home, tmp_path) -> None:
    words = ("distill", "random", "digits", "--ipc", 2, "--out", tmp_path / "mine", *home.options)
    assert terminal.done(*words).startswith(f"{tmp_path / 'mine'}: 20 images")
    assert terminal.done(*words).startswith(f"{tmp_path / 'mine'}: 20 images")
    other = terminal("distill", "random", "digits", "--ipc", 3, "--out", tmp_path / "mine", *home.options)
    assert other.code == 2
    assert "exists already and holds something else" in other.err


def test_evaluate_prints_the_mean_and_the_t_interval_of_its_records(terminal, home) -> None:
    said = terminal.done("evaluate", home.sre2l, "digits", *home.judging)
    values = [100 * value for value in accuracies(home, "sre2l[iterations=10]", "quick").values()]
    assert len(values) == 2
    low, high = stats.t.interval(0.95, 1, loc=fmean(values), scale=stats.sem(values))
    expected = f"{fmean(values):.1f} ± {(high - low) / 2:.1f} (95 % t, n=2)"
    assert said.startswith(f"sre2l[iterations=10], IPC 2, on digits under quick (convnet1-bn-w8): {expected}, "), said


def test_one_seed_has_no_interval(terminal, home) -> None:
    words = [*home.judging[:-1], "1"]
    assert "(n=1: no interval)" in terminal.done("evaluate", home.sre2l, "digits", *words)


def test_a_kept_run_in_another_precision_says_so(terminal, own) -> None:
    words = ["evaluate", own.random, "digits", *own.judging]
    terminal.done(*words, "--precision", "bfloat16")
    assert "\n  students trained in bfloat16\n" in terminal.done(*words)
    assert "\n  compares students trained in bfloat16 and in float32\n" in terminal.done(*words[:-1], "3")


def test_score_prints_the_scores_of_its_records(terminal, home) -> None:
    said = terminal.done("score", home.sre2l, "digits", *home.judging)
    assert said.startswith("sre2l[iterations=10], IPC 2, quick: accuracy ")
    own = {name: accuracies(home, "sre2l[iterations=10]", name) for name in ("quick", "quick-hard", "quick-plain")}
    random = {name: accuracies(home, "random", name) for name in ("quick", "quick-plain")}
    whole = accuracies(home, "whole", "quick-whole")
    both = (0, 1)
    expected = {
        "random": fmean(random["quick"][r] for r in both),
        "whole": fmean(whole[r] for r in both),
        "hlr": fmean(whole[r] - own["quick-hard"][r] for r in both),
        "ior": fmean(own["quick"][r] - random["quick"][r] for r in both),
    }
    printed = {name: float(value) for name, value in re.findall(r"(\w+) (-?[0-9.]+) ±", said.splitlines()[0])}
    assert set(printed) == {"accuracy", "random", "whole", "hlr", "ior", "lrs", "ars"}
    for name, value in expected.items():
        assert printed[name] == pytest.approx(100 * value, abs=0.06), name


def test_score_leaves_out_what_needs_the_whole_target(terminal, home) -> None:
    said = terminal.done("score", home.sre2l, "digits", "--whole", "none", *home.judging)
    assert "ior" in said
    assert "hlr" not in said
    assert "lrs" not in said


def test_a_random_set_is_scored_against_other_random_sets(terminal, home) -> None:
    said = terminal.done("score", home.random, "digits", *home.judging)
    assert said.startswith("random (this set), IPC 2, quick: ")
    own = terminal.done("evaluate", home.random, "digits", *home.judging)
    printed = {name: float(value) for name, value in re.findall(r"(\w+) (-?[0-9.]+) ±", said.splitlines()[0])}
    mean = re.search(r"under quick \(convnet1-bn-w8\): ([0-9.]+) ±", own)
    assert mean is not None
    assert printed["accuracy"] == pytest.approx(float(mean[1]), abs=0.06)
    random = accuracies(home, "random", "quick")
    assert printed["random"] == pytest.approx(100 * fmean(random[r] for r in (0, 1)), abs=0.06)


def test_a_set_keeps_the_name_it_has_now(terminal, home, tmp_path) -> None:
    """The same pixels under two names are the same run, and each name is printed as given."""
    import numpy as np

    from rd3 import read_synthetic

    theirs = read_synthetic(home.sre2l)
    arrays = {"images": theirs.images.numpy(), "labels": theirs.labels.numpy(), "classes": np.array(theirs.classes)}
    np.savez(tmp_path / "first.npz", **arrays)
    (tmp_path / "second.npz").write_bytes((tmp_path / "first.npz").read_bytes())
    terminal.done("score", tmp_path / "first.npz", "digits", *home.judging)
    before = home.snapshot()
    said = terminal.done("score", tmp_path / "second.npz", "digits", *home.judging)
    assert said.startswith("second, IPC 2, quick: ")
    assert home.snapshot() == before


def test_repeating_the_chain_does_nothing_and_says_the_same(terminal, home) -> None:
    chain = [
        ("squeeze", "digits", *home.options),
        ("distill", "random", "digits", "--ipc", 2, *home.options),
        ("distill", "sre2l", "digits", "--ipc", 2, "-p", "iterations=10", *home.options),
        ("evaluate", home.sre2l, "digits", *home.judging),
        ("score", home.sre2l, "digits", *home.judging),
        ("validate", home.path / "store"),
    ]
    first = [terminal.done(*words) for words in chain]
    before = home.snapshot()
    again = [terminal(*words) for words in chain]
    assert [outcome.out.strip() for outcome in again] == first
    assert [outcome.err for outcome in again] == [""] * len(chain)
    assert home.snapshot() == before


def test_one_more_seed_trains_one_more_student(terminal, own) -> None:
    terminal.done("evaluate", own.random, "digits", *own.judging)
    before = own.snapshot()
    outcome = terminal("evaluate", own.random, "digits", *own.judging[:-1], "3")
    assert outcome.code == 0
    new = own.snapshot().keys() - before.keys()
    assert len({name.split("/")[2] for name in new}) == 1
    assert outcome.err.count("seed 2") == 1


def test_the_store_and_the_protocol_validate(terminal, home) -> None:
    assert re.search(r"store: \d+ entries, complete, all hashes match$", terminal.done("validate", home.path / "store"))
    said = terminal.done("validate", home.protocol)
    assert "protocol quick, version 1, hash " in said
    assert said.endswith("; scored with quick-hard, quick-plain, quick-whole")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, terminal, home) -> tuple[Path, Path, str]:
    """A study's file, its folder and what the command printed."""
    file = tmp_path_factory.mktemp("study") / "tiny.yaml"
    file.write_text(STUDY.format(protocol=home.protocol))
    out = file.parent / "results"
    return file, out, terminal.done("study", "run", file, "--home", home.path, "--workers", 1, "--out", out)


def test_a_study_prints_its_plan_its_ranking_and_where_they_are(study) -> None:
    _, folder, said = study
    assert "1 teachers: 1 in the store, 0 to do" in said
    assert "sre2l[iterations=10]" in said
    assert f"Ranking: {folder / 'ranking.json'}" in said
    assert f"Report:  {folder / 'report.html'}" in said
    assert {row["method"] for row in json.loads((folder / "ranking.json").read_text())["rows"]} == {
        "random",
        "sre2l[iterations=10]",
    }


def test_a_plan_does_nothing(terminal, study, tmp_path) -> None:
    said = terminal.done("study", "run", study[0], "--home", tmp_path / "new", "--workers", 1, "--plan")
    assert "1 teachers: 0 in the store, 1 to do" in said
    assert "squeeze digits into convnet1-bn-w8 (about " in said
    assert not (tmp_path / "new").exists()


def test_a_study_s_folder_and_file_validate(terminal, study) -> None:
    file, folder, _ = study
    said = terminal.done("validate", folder).splitlines()
    assert said[0].startswith(f"{folder}: a ranking of 4 rows from ")
    assert len(said) == 1 + 3  # two draws of random, one of sre2l
    assert re.search(r"a study of \d+ jobs$", terminal.done("validate", file))
    assert "record(s), well-formed" in terminal.done("validate", folder / "records")


def test_rank_reads_records_wherever_they_were_copied(terminal, study, tmp_path) -> None:
    _, folder, said = study
    ranked = terminal.done("rank", folder)
    assert ranked == terminal.done("rank", folder / "records")
    assert ranked in said
    files = sorted((folder / "records").glob("*.json"))
    for place, half in (("one", files[::2]), ("two", files[1::2])):
        (tmp_path / place).mkdir()
        for file in half:
            (tmp_path / place / file.name).write_bytes(file.read_bytes())
    merged = terminal.done("rank", tmp_path / "one", tmp_path / "two", "--out", tmp_path / "merged")
    assert merged == ranked
    assert (tmp_path / "merged" / "ranking.json").read_bytes() == (folder / "ranking.json").read_bytes()


def test_rank_answers_sql(terminal, study) -> None:
    said = terminal.done("rank", study[1], "--sql", "select method, count(*) as n from runs group by method")
    assert re.search(r"whole\s*│\s*2", said)
    assert "syntax error" in terminal("rank", study[1], "--sql", "selec").complaint


def test_report_writes_one_page(terminal, study, tmp_path) -> None:
    _, folder, _ = study
    assert terminal.done("report", folder, "--out", tmp_path / "page.html") == str(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert page.lower().startswith("<!doctype html>")
    assert "sre2l" in page
    assert "<script" not in page


def test_demo_plans_the_shipped_study(terminal, tmp_path) -> None:
    said = terminal.done("demo", "--plan", "--home", tmp_path / "home", "--workers", 1)
    assert "squeeze mnist5k into convnet3-bn-w32" in said
    assert re.search(r"demo: about .+ with 1 worker\(s\), .+ to store", said)
    assert not (tmp_path / "home").exists()


def test_doctor_says_what_is_here(terminal, home) -> None:
    said = terminal.done("doctor", "--home", home.path)
    assert re.search(r"store +.*\(\d+ entries, 0 damaged\)", said)
    assert "mnist5k            4000 training images, ready" in said
    assert "RD3_DATA           not set" in said
