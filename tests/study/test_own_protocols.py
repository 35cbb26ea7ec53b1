"""Protocols of single methods, and which protocols are scored."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rd3.base.errors import UserError
from rd3.study.executors.serial import SerialExecutor
from rd3.study.plan import make_plan
from rd3.study.run import run_study
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store

BASE = (
    "name: own\ntargets: [digits]\nteacher: {model: convnet1-bn-w8, epochs: 1}\nipc: [1]\n"
    "students: [convnet1-bn-w8]\nseeds: 2\nprotocols: [quick.yaml]\n"
)


def own_study(tmp_path: Path, text: str) -> StudySpec:
    (tmp_path / "own.yaml").write_text(BASE + text)
    return load_study(str(tmp_path / "own.yaml"))


def judged(study: StudySpec) -> dict[str, set[str]]:
    """Protocol -> the methods that are judged under it."""
    found: dict[str, set[str]] = {}
    for run in make_plan(study).runs:
        found.setdefault(run.mark.id, set()).add(run.label)
    return found


@pytest.mark.usefixtures("study_file")
def test_a_methods_own_protocol_judges_it_and_random_images_alone(tmp_path: Path) -> None:
    study = own_study(tmp_path, "methods: [herding, {name: rded, protocols: [rded+epochs0.01]}]\nwhole: none\n")
    shared = {"quick", "quick-hard", "quick-plain"}
    own = {"rded+epochs0.01", "rded-hard+epochs0.01", "rded-plain+epochs0.01"}
    found = judged(study)
    assert found.keys() == shared | own
    assert all(found[name] == {"random", "herding", "rded"} for name in shared)
    assert all(found[name] == {"random", "rded"} for name in own)


@pytest.mark.usefixtures("study_file")
def test_only_what_is_to_be_scored_brings_its_counterparts(tmp_path: Path) -> None:
    methods = "methods: [{name: herding, protocols: [rded+epochs0.01]}, {name: rded, protocols: [rded+epochs0.01]}]\n"
    everybody = {"random", "herding", "rded"}
    unscored = own_study(tmp_path, methods + "scores: []\n")
    assert judged(unscored) == {"quick": everybody, "rded+epochs0.01": everybody}
    scored = own_study(tmp_path, methods + "scores: [quick.yaml]\n")
    assert judged(scored).keys() == {"quick", "quick-hard", "quick-plain", "quick-whole", "rded+epochs0.01"}


@pytest.mark.usefixtures("study_file")
def test_a_protocol_of_all_methods_and_of_one_is_one_of_all(tmp_path: Path) -> None:
    study = own_study(tmp_path, "methods: [herding, {name: rded, protocols: [quick.yaml]}]\nscores: []\n")
    assert judged(study) == {"quick": {"random", "herding", "rded"}}


@pytest.mark.usefixtures("study_file")
def test_methods_are_ranked_within_a_protocol_each_with_its_random_images(tmp_path: Path) -> None:
    text = "methods: [{name: herding, protocols: [rded+epochs0.01]}, {name: k-center}]\nscores: []\nwhole: none\n"
    result = run_study(own_study(tmp_path, text), Store(tmp_path / "home"), SerialExecutor(torch.device("cpu")))
    places = {(row["protocol"]["id"], row["method"]): row["rank"]["value"] for row in result.rows}
    assert sorted(rank for (protocol, _), rank in places.items() if protocol == "quick") == [1, 2, 3]
    own = {method: rank for (protocol, method), rank in places.items() if protocol == "rded+epochs0.01"}
    assert (own.keys(), sorted(own.values())) == ({"random", "herding"}, [1, 2])
    for row in result.rows:
        same = (one for one in result.rows if one["protocol"] == row["protocol"] and one["method"] == "random")
        assert row["random"] == next(same)["accuracy"]
        assert row["hlr"] is row["whole"] is None
        assert row["ior"]["mean"] == pytest.approx(row["accuracy"]["mean"] - row["random"]["mean"])


def test_settings_and_protocols_of_a_method_are_told_apart(tmp_path: Path) -> None:
    short = own_study(tmp_path, "methods: [{name: sre2l, iterations: 5, protocols: [sre2l]}]\n")
    long = own_study(tmp_path, "methods: [{name: sre2l, settings: {iterations: 5}, protocols: [sre2l]}]\n")
    assert short == long
    assert (short.methods[0].settings, short.methods[0].protocols) == ({"iterations": 5}, ("sre2l",))


def test_scores_of_a_protocol_that_nobody_is_judged_under_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no method is judged under 'rd3'"):
        own_study(tmp_path, "methods: [random]\nscores: [rd3]\n")
