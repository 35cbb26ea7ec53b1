"""Studies whose teacher exists already: planned by its weights' hash, tested, filed, and declared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.models import create_model
from rd3.squeeze.brought import bring_teacher
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.train import squeeze
from rd3.study.executors.serial import SerialExecutor
from rd3.study.jobs.brought import BroughtJob
from rd3.study.jobs.run import record_of
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.plan import make_plan
from rd3.study.run import run_study
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store

MODEL = "convnet1-bn-w8"
STUDY = (
    "name: tiny\ntargets: [digits]\nteacher: {teacher}\nmethods: [random, {{name: sre2l, iterations: 2}}]\nipc: [1]\n"
    "protocols: [{protocol}]\nstudents: [mlp]\nseeds: 1\nwhole: none\n"
)
PROTOCOL = (
    "id: tiny\nversion: 1\nbase: rd3\ntitle: tiny\nsource: tests\nnot_rankable: cut for tests\n"
    "fields:\n  epochs: {value: 1, provenance: inferred}\n"
)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """A file of a teacher of digits that has two more outputs, for classes `a` and `b`."""
    digits = load_target("digits")
    trained = squeeze(digits, teacher_spec(digits, MODEL, epochs=3)).model.state_dict()
    state = create_model(MODEL, classes=12, size=8, channels=1, seed=0).state_dict()
    for name, value in trained.items():
        state[name] = torch.cat([state[name][:2] * 0 - 1, value]) if value.shape != state[name].shape else value
    file = tmp_path_factory.mktemp("wide") / "wide.pt"
    torch.save(state, file)
    (file.parent / "names.txt").write_text("a\nb\n" + "\n".join(digits.classes))
    return file


@pytest.fixture
def study(tmp_path):
    (tmp_path / "tiny.yaml").write_text(PROTOCOL)

    def study(teacher: str) -> StudySpec:
        (tmp_path / "study.yaml").write_text(STUDY.format(teacher=teacher, protocol=tmp_path / "tiny.yaml"))
        return load_study(str(tmp_path / "study.yaml"))

    return study


def test_a_brought_teacher_is_planned_filed_and_declared(study, wide, tmp_path) -> None:
    names = wide.parent / "names.txt"
    spec = study(f"{{from: {wide}, model: {MODEL}, classes: {names}}}")
    plan, store = make_plan(spec), Store(tmp_path / "home")
    (job,) = [job for job in plan.jobs if isinstance(job, BroughtJob)]
    same = bring_teacher(wide, load_target("digits"), model=MODEL, classes=str(names))
    assert job.fingerprint == same.fingerprint
    run_study(spec, store, SerialExecutor(torch.device("cpu")), plan=plan)
    assert store.has("teacher", same.fingerprint)
    made = {one.spec.method: stored_synthetic(store, one.fingerprint) for one in plan.of(SyntheticJob)}
    assert "pretrained teacher" in made["sre2l"].manifest.aids
    assert "pretrained teacher" not in made["random"].manifest.aids
    records = [record_of(run, store) for run in plan.runs if run.spec.teachers]
    assert records
    for record in records:
        assert record.teachers == {same.fingerprint: pytest.approx(same.test_accuracy)}
        assert any(f"teacher {MODEL}: 10 of its 12 outputs" in flag for flag in record.flags)
    assert StudySpec.model_validate_json(spec.model_dump_json()) == spec


def test_weights_that_change_after_the_plan_are_noticed(study, tmp_path) -> None:
    digits = load_target("digits")
    file = tmp_path / "mine.pt"
    state = squeeze(digits, teacher_spec(digits, MODEL, epochs=3)).model.state_dict()
    torch.save(state, file)
    plan = make_plan(study(f"{{from: {file}, model: {MODEL}}}"))
    torch.save({name: value * 1.01 if value.ndim == 4 else value for name, value in state.items()}, file)
    (job,) = [job for job in plan.jobs if isinstance(job, BroughtJob)]
    with pytest.raises(UserError, match="its weights have changed since the study was planned"):
        job.execute(Store(tmp_path / "home"), torch.device("cpu"), lambda _: None)


def test_a_zoo_names_the_architecture_itself(study) -> None:
    assert study("timm:tf_efficientnet_lite0@w.pth").teacher.model == "timm:tf_efficientnet_lite0"
    assert study("{from: 'torchvision:resnet18:IMAGENET1K_V1', match: position}").teacher.model == "tv:resnet18"


@pytest.mark.parametrize(
    ("teacher", "said"),
    [
        ("{from: none.pt, model: mlp}", "none.pt: there is no such file"),
        ("{from: none.pt}", "key 'teacher.model' is missing"),
        ("{from: 'timm:resnet18@none.pt', epochs: 3}", "epochs: is for a teacher that is squeezed"),
        ("{model: mlp, match: position}", "match: is for a teacher that is brought; say where from, with 'from'"),
        ("{from: none.pt, model: mlp, match: shape}", "teacher.match = 'shape': Input should be 'names' or 'position'"),
        ("{from: 'timm:resnet18@none.pt', model: mlp}", "is a timm:resnet18, not a mlp"),
    ],
)
def test_bad_teachers_are_one_line_when_planned(teacher, said, study) -> None:
    with pytest.raises(UserError, match=said):
        make_plan(study(teacher))


def test_what_the_page_on_teachers_shows_runs(tmp_path, monkeypatch) -> None:
    page = (Path(__file__).parents[2] / "docs" / "teachers.md").read_text()
    (code,), (text,) = (re.findall(rf"```{kind}\n(.*?)```", page, flags=re.DOTALL) for kind in ("python", "yaml"))
    monkeypatch.chdir(tmp_path)
    shown: dict[str, Any] = {}
    exec(code, shown)
    assert shown["teacher"].test_accuracy == pytest.approx(shown["trained"].test_accuracy)
    assert "matched by position" in shown["teacher"].notes[0]
    (tmp_path / "study.yaml").write_text(text)
    (job,) = [job for job in make_plan(load_study("study.yaml")).jobs if isinstance(job, BroughtJob)]
    assert job.fingerprint == shown["teacher"].fingerprint
