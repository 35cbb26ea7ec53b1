"""The study files of the package name what there is, and can be planned."""

from __future__ import annotations

import pytest

from rd3.evaluation.files import load_protocol
from rd3.methods.base import METHODS
from rd3.methods.decoupled import Decoupled
from rd3.models import list_models
from rd3.models.family import FAMILIES
from rd3.study.plan import make_plan
from rd3.study.spec import list_studies, load_study


@pytest.mark.parametrize("name", list_studies())
def test_a_study_names_methods_protocols_and_students_that_there_are(name: str) -> None:
    study = load_study(name)
    assert study.name == name
    assert study.note
    zoo = set(list_models("tv:*"))
    for model in (*(teacher.model for teacher in study.pool), *study.students):
        assert model in zoo or any(FAMILIES[key].pattern.fullmatch(model) for key in FAMILIES if FAMILIES[key].listed)
    for entry in study.methods:
        METHODS[entry.name].model_validate(entry.settings)
    assert all(load_protocol(protocol).purpose == "ranking" for protocol in study.all_protocols)


def test_the_cross_architecture_study_has_rd3s_students_and_both_readings_of_zeta() -> None:
    study = load_study("cross-architecture")
    names = ("resnet18", "resnet50", "resnet101", "tv:mobilenet_v2", "tv:efficientnet_b0", "tv:swin_t", "tv:vit_b_16")
    assert study.students == names
    assert (study.targets[0].name, study.ipc, study.teacher.model) == ("cifar10", (10, 50), "resnet18")
    assert study.protocols == ("rd3", "rd3-zeta-resnet")


def test_the_cross_architecture_study_for_a_cpu_is_planned() -> None:
    study = load_study("cross-architecture-cpu")
    runs = make_plan(study).runs
    # methods, IPC, students, seeds, the protocol with its hard and its un-augmented counterpart; then the references
    assert len(runs) == 4 * 2 * 3 * 3 * 3 + 3 * 3
    assert {run.spec.student for run in runs} == set(study.students)


def test_the_decoupled_study_judges_every_optimised_method_under_rd3_and_under_its_own() -> None:
    study = load_study("decoupled-cifar10")
    optimised = {name for name in METHODS if issubclass(METHODS[name], Decoupled)} - {"scdd"}
    own = {entry.name: entry.protocols for entry in study.methods}
    assert optimised <= own.keys()
    assert all(len(own[name]) == 1 for name in optimised)
    assert (study.protocols, study.students, study.teacher.model) == (("rd3",), ("resnet18",), "resnet18")
    assert all(entry.settings in ({}, {"init": "real"}) for entry in study.methods)


def test_the_decoupled_studies_for_a_cpu_share_their_images() -> None:
    family, own = (load_study(name) for name in ("decoupled-cifar10-cpu", "decoupled-cifar10-cpu-own"))
    images = [{(entry.name, *sorted(entry.settings.items())) for entry in study.methods} for study in (family, own)]
    assert images[1] < images[0]
    assert family.teachers == own.teachers
    assert all("+epochs" in protocol for protocol in (*family.all_protocols, *own.all_protocols))


@pytest.mark.parametrize("name", ["leaderboard-mnist5k", "leaderboard-cifar10"])
def test_a_leaderboard_has_methods_of_every_kind_of_label_each_under_its_own_protocol(name: str) -> None:
    study = load_study(name)
    own = [(entry.name, protocol.partition("+")[0]) for entry in study.methods for protocol in entry.protocols]
    assert len(own) == len(study.methods), "one each"
    borrowed = {"random": "dsa", "herding": "dsa", "k-center": "dsa"}
    assert all(protocol == borrowed.get(method, method) for method, protocol in own)
    kinds = {load_protocol(protocol).fields["labels"].written()[0].value for _, protocol in own}
    assert kinds == {"hard", "static", "online"}
    assert study.seeds >= 3
    assert study.scores is None, "all protocols are scored"


def test_the_leaderboard_for_a_gpu_has_the_papers_settings() -> None:
    study = load_study("leaderboard-cifar10")
    assert all(not entry.settings for entry in study.methods)
    assert not any("+" in protocol for protocol in study.all_protocols)
    small = {entry.name for entry in load_study("leaderboard-mnist5k").methods}
    assert small < {entry.name for entry in study.methods}


def test_the_leaderboard_for_a_cpu_is_planned_and_every_score_has_its_runs() -> None:
    study = load_study("leaderboard-mnist5k")
    runs = make_plan(study).runs
    for protocol in study.all_protocols:
        named = load_protocol(protocol).counterparts
        for needed in (protocol, named.hard, named.plain):
            if needed is not None:
                here = {(run.label.partition("[")[0], run.spec.replicate) for run in runs if run.mark.id == needed}
                assert {("random", replicate) for replicate in range(3)} <= here
                assert len({method for method, _ in here}) > 1
    assert sum(run.label == "whole" for run in runs) == study.seeds
