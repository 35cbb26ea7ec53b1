"""A method that distils from a teacher of its own, and is labelled by the study's (SCDD)."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.base.files import read_json
from rd3.models.create import create_model
from rd3.report.study import report_data
from rd3.squeeze.probe import backbone_hash
from rd3.study.jobs.synthetic import SyntheticJob
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.plan import make_plan
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store

MODEL = "convnet1-bn-w8"


@pytest.fixture
def backbone(tmp_path: Path) -> Path:
    path = tmp_path / "turns.pt"
    torch.save(create_model(MODEL, classes=4, size=8, channels=1, seed=3).state_dict(), path)
    return path


@pytest.fixture
def study(study_file: Path):
    def study(methods: str) -> StudySpec:
        text = study_file.read_text()
        start, end = text.index("methods:"), text.index("ipc:")
        file = study_file.with_name("own.yaml")
        file.write_text(text[:start] + f"methods: {methods}\n" + text[end:])
        return load_study(str(file))

    return study


def test_it_recovers_with_its_own_teacher_and_is_labelled_by_the_studys(study, backbone: Path) -> None:
    own = f"{{model: {MODEL}, backbone: {backbone}, epochs: 1}}"
    plan = make_plan(study(f"[{{name: scdd, iterations: 2, teacher: {own}}}, {{name: sre2l, iterations: 2}}]"))
    teachers = {job.spec.backbone: job for job in plan.jobs if isinstance(job, TeacherJob)}
    assert set(teachers) == {None, backbone_hash(backbone)}
    usual, probe = teachers[None].fingerprint, teachers[backbone_hash(backbone)].fingerprint
    made_by = {job.spec.method: job.spec.teacher for job in plan.of(SyntheticJob)}  # type: ignore[attr-defined]
    assert made_by == {"scdd": probe, "sre2l": usual, "random": None}
    label = "scdd[iterations=2,teacher=convnet1-bn-w8 on turns]"
    assert {run.label for run in plan.runs} == {label, "sre2l[iterations=2]", "random", "whole"}
    assert {run.spec.teachers for run in plan.runs if run.label == label and run.mark.id == "quick"} == {(usual,)}


def test_one_method_can_stand_there_under_two_teachers(study) -> None:
    plan = make_plan(study("[{name: sre2l, iterations: 2}, {name: sre2l, iterations: 2, teacher: {model: mlp}}]"))
    labels = {run.label: run.spec.images for run in plan.runs if run.mark.id == "quick"}
    assert labels.keys() == {"sre2l[iterations=2]", "sre2l[iterations=2,teacher=mlp]", "random"}
    assert len({*labels.values()}) == 3


def test_two_teachers_of_one_name_are_refused(study) -> None:
    entries = [f"{{name: sre2l, teacher: {{model: mlp, seed: {seed}}}}}" for seed in (1, 2)]
    with pytest.raises(UserError, match=r"two teachers \(or pools\) of one name for sre2l\[teacher=mlp\]") as caught:
        make_plan(study(f"[{', '.join(entries)}]"))
    assert "\n" not in str(caught.value)


def test_a_pool_and_its_first_teacher_alone_are_not_mixed_under_one_label(study) -> None:
    own = f"{{model: {MODEL}, epochs: 2}}"
    spec = study(f"[g-vbsm, {{name: g-vbsm, teacher: {own}}}]")
    spec = StudySpec.model_validate({**spec.model_dump(), "teachers": (*spec.teachers, {"model": "mlp"})})
    with pytest.raises(UserError, match=r"of one name for g-vbsm; put them into two studies"):
        make_plan(spec)


def test_the_studys_own_teacher_named_again_changes_nothing(study) -> None:
    usual, again = (
        make_plan(study(f"[{{name: sre2l{teacher}}}]")) for teacher in ("", f", teacher: {{model: {MODEL}, epochs: 2}}")
    )
    assert {job.key for job in usual.jobs} == {job.key for job in again.jobs}
    assert {run.label for run in again.runs} == {"sre2l", "random", "whole"}


def test_bad_entries_are_one_line(study) -> None:
    for entry, said in (
        ("{name: sre2l, teacher: mlp}", "methods"),
        ("{name: sre2l, teacher: {model: mlp, backbne: x}}", "unknown key"),
        ("{name: sre2l, teacher: {model: mlp, backbone: none.pt}}", "none.pt: there is no such file"),
        ("{name: sre2l, protocol: [quick.yaml]}", "method sre2l: unknown key 'protocol'; did you mean 'protocols'"),
        ("{name: sre2l, iteration: 3}", "method sre2l: unknown key 'iteration'; did you mean 'iterations'"),
    ):
        with pytest.raises(UserError, match=said) as caught:
            make_plan(study(f"[{entry}]"))
        assert "\n" not in str(caught.value)


def test_the_study_runs_and_its_ranking_keeps_them_apart(study, backbone: Path, tmp_path: Path) -> None:
    own = f"{{model: {MODEL}, backbone: {backbone}, epochs: 2}}"
    spec = study(f"[{{name: scdd, iterations: 2, teacher: {own}}}]").model_copy(update={"seeds": 1})
    result = rd3.run_study(spec, store=Store(tmp_path / "home"), device="cpu")
    methods = {row["method"] for row in result.rows}
    assert methods == {"random", "scdd[iterations=2,teacher=convnet1-bn-w8 on turns]"}
    costs = {cost.what: cost.seconds for cost in report_data(result.folder).costs}
    folders = (tmp_path / "home" / "store" / "teacher").glob("*/teacher.json")
    teachers = {facts["fingerprint"]: facts["seconds"] for facts in map(read_json, folders)}
    assert len(teachers) == 2
    assert {name: costs[f"teacher {name}"] for name in teachers} == pytest.approx(teachers)
    probed = next(row for row in result.rows if row["method"] != "random")
    assert probed["seconds"]["squeeze"] == pytest.approx(sum(teachers.values()))


def test_distil_with_one_and_evaluate_with_another(backbone: Path, tmp_path: Path, study_file: Path) -> None:  # noqa: ARG001
    """What the public verbs do: `study_file` leaves the quick protocols in the folder."""
    target, store = rd3.load_target("digits"), Store(tmp_path / "home")
    shared = {"store": store, "device": "cpu"}
    ssl_teacher = rd3.squeeze(target, model=MODEL, backbone=backbone, epochs=2, **shared)  # type: ignore[arg-type]
    supervised = rd3.squeeze(target, model="convnet1-bn-w16", epochs=1, **shared)  # type: ignore[arg-type]
    made = rd3.distill("scdd", target, ssl_teacher, ipc=1, iterations=2, **shared)  # type: ignore[arg-type]
    assert made.manifest.teacher == ssl_teacher.fingerprint
    judged = rd3.evaluate(made, target, protocol="quick.yaml", teacher=supervised, student="mlp", seeds=1, **shared)  # type: ignore[arg-type]
    assert set(judged.records[0].teachers) == {supervised.fingerprint}
    note = f"teacher {MODEL}: a linear probe; what its frozen backbone learned from is not recorded"
    assert note in made.manifest.info["flags"]
    assert note in judged.records[0].flags
    labelled = rd3.evaluate(made, target, protocol="quick.yaml", teacher=ssl_teacher, student="mlp", seeds=1, **shared)  # type: ignore[arg-type]
    assert labelled.records[0].flags.count(note) == 1
