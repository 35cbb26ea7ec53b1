"""Several teachers in a study: the first is distilled from, and protocols with a pool take all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.load import load_target
from rd3.evaluation.files import load_protocol
from rd3.study.jobs.run import RunInput, own_logits, run_job
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.plan import make_plan
from rd3.study.spec import StudySpec, load_study
from rd3.synthetic import Synthetic
from rd3.synthetic.manifest import Manifest

POOL = (
    "id: pool\nversion: 1\nbase: rd3\ntitle: pool\nsource: tests\nnot_rankable: cut for tests\nfields:\n"
    "  teacher: {value: [mlp, convnet1-bn-w8], provenance: inferred}\n"
)
STUDY = (
    "name: tiny\ntargets: [digits]\n{teachers}\nmethods: [random, {{name: sre2l, iterations: 1}}]\nipc: [1]\n"
    "protocols: [rd3, {pool}]\nstudents: [mlp]\nseeds: 1\nwhole: none\n"
)
TWO = "teachers: [{model: convnet1-bn-w8, epochs: 1}, {model: mlp, epochs: 2}]"


@pytest.fixture
def study(tmp_path: Path):
    (tmp_path / "pool.yaml").write_text(POOL)

    def study(teachers: str) -> StudySpec:
        (tmp_path / "study.yaml").write_text(STUDY.format(teachers=teachers, pool=tmp_path / "pool.yaml"))
        return load_study(str(tmp_path / "study.yaml"))

    return study


def test_each_protocol_takes_the_teachers_that_it_asks_for(study) -> None:
    plan = make_plan(study(TWO))
    by_model = {job.spec.model: job.fingerprint for job in plan.jobs if isinstance(job, TeacherJob)}
    assert set(by_model) == {"convnet1-bn-w8", "mlp"}
    first, second = by_model["convnet1-bn-w8"], by_model["mlp"]
    labelled_by = {run.mark.id: run.spec.teachers for run in plan.runs}
    assert labelled_by == {"rd3": (first,), "rd3-hard": (), "rd3-plain": (first,), "pool": (second, first)}
    distilled = [job for job in plan.jobs if job.kind == "synthetic" and job.spec.method == "sre2l"]
    assert [job.spec.teacher for job in distilled] == [first]


def test_one_teacher_is_a_pool_of_one_and_nothing_else_changes(study) -> None:
    one, listed = (study(text) for text in ("teacher: {model: mlp, epochs: 1}", "teachers: [{model: mlp, epochs: 1}]"))
    assert one == listed
    assert {job.key for job in make_plan(one).jobs} == {job.key for job in make_plan(listed).jobs}
    assert StudySpec.model_validate_json(one.model_dump_json()) == one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("teachers: []", "key 'teacher' is missing"),
        ("teacher: {model: lenet}\n" + TWO, "teacher: is not the first of teachers; give one of the two keys"),
        ("teachers: [{model: mlp, epoch: 1}]", "unknown key 'teacher.epoch'"),
        ("", "key 'teacher' is missing"),
    ],
)
def test_bad_teachers_are_one_line(text, said, study) -> None:
    with pytest.raises(UserError, match=said):
        study(text)


def test_a_zero_probability_is_no_logit() -> None:
    """Under MSE of logits it would be minus infinity; under a divergence it is a plain 0."""
    target = load_target("digits")
    labels = torch.arange(10)
    soft = torch.eye(10)
    manifest = Manifest(
        method="mine", target=None, target_fingerprint=None, classes=target.classes, ipc=1, fingerprint="f"
    )
    synthetic = Synthetic(target.train.batch(labels), labels, soft, None, manifest).declaring("probabilities")
    protocol = load_protocol("rd3")
    given = RunInput("f", "mine", 10, 1, own_labels="probabilities")

    def spec(loss: str):
        fields = dict(protocol.fields)
        for name, value in {"labels": "static", "loss": loss, "mix": None}.items():
            fields[name] = fields[name].model_copy(update={"value": value, "cases": None})
        return run_job(target, protocol.model_copy(update={"fields": fields}), given, student="mlp", replicate=0).spec

    logits = own_logits(synthetic, spec("kl"))
    assert logits is not None
    assert torch.equal(logits.softmax(dim=1), soft)
    with pytest.raises(UserError, match="mine: loss mse-gt compares logits, and a probability of 0 has none"):
        own_logits(synthetic, spec("mse-gt"))
