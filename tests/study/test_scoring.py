"""Every way to label, with every way to store a set, through to the four scores; and what of it is trained once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import rd3
from rd3.base.spec import fingerprint_of
from rd3.scores.definitions import ars, lrs
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunJob
from rd3.study.labellers import Labeller
from rd3.study.ranking import rows
from rd3.study.scorecard import ScoreCard
from rd3.study.store import Store
from rd3.synthetic import export
from rd3.synthetic.artifact import content_fingerprint

MODEL, OTHER = "convnet1-bn-w8", "mlp"
SEEDS = 2
FIELDS = {
    "hard": "labels: {value: hard, provenance: inferred}\n  loss: {value: ce, provenance: inferred}",
    "static": "labels: {value: static, provenance: inferred}\n  teacher: {value: null, provenance: inferred}",
    "online": f"teacher: {{value: {MODEL}, provenance: inferred}}",
    "pool": f"teacher: {{value: [{OTHER}, {MODEL}], provenance: inferred}}",
}
SEARCH = "\n  lr_search: {value: [1.0e-3, 1.0e-2], provenance: inferred}"


class Ears:
    """Counts the jobs that were done."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def expect(self, jobs: Sequence[Job]) -> None: ...

    def started(self, job: Job) -> None:
        self.jobs.append(job)

    def resumed(self, job: Job, place: object) -> None: ...

    def progressed(self, job: Job, fraction: float) -> None: ...

    def finished(self, job: Job, seconds: float) -> None: ...

    @property
    def runs(self) -> list[RunJob]:
        return [job for job in self.jobs if isinstance(job, RunJob)]


def write_protocol(folder: Path, name: str, *, more: str = "") -> str:
    mode = name.partition("-")[0]
    place = folder / f"{name}.yaml"
    hard = "" if mode == "hard" else "hard: derived, "
    place.write_text(
        f"id: {name}\nversion: 1\nbase: rd3\ntitle: {name}\nsource: tests\nnot_rankable: cut for tests\n"
        f"counterparts: {{{hard}plain: derived, whole: {folder / 'short.yaml'}}}\nfields:\n"
        f"  epochs: {{value: 2, provenance: inferred}}\n  {FIELDS[mode]}{more}\n"
    )
    return str(place)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protocols")
    (folder / "short.yaml").write_text(
        "id: short\nversion: 1\nbase: whole\ntitle: short\nsource: tests\npurpose: reference\n"
        "not_rankable: cut for tests\nfields:\n  epochs: {value: 1, provenance: inferred}\n"
    )
    return folder


@pytest.fixture(scope="module")
def target() -> rd3.Target:
    return rd3.load_target("digits")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def teachers(target, store) -> list[rd3.Teacher]:
    return [rd3.squeeze(target, model=model, epochs=1, store=store) for model in (MODEL, OTHER)]


@pytest.fixture(scope="module")
def softly(target, store, teachers) -> rd3.Synthetic:
    """Random digits of another draw than any reference has, with soft labels of their own."""
    made = rd3.distill("random", target, ipc=2, seed=9, store=store)
    with torch.no_grad():
        logits = teachers[1].logits(made.images.float() / 255)
    return labelled(made, logits.softmax(dim=1), form="probabilities", method="mine")


def labelled(
    made: rd3.Synthetic, soft_labels: torch.Tensor | None, *, form: str | None, method: str, lr: float | None = None
) -> rd3.Synthetic:
    """Another set with the same images."""
    content = content_fingerprint(made.images, made.labels, soft_labels)
    names = {"method": method, "soft_label_form": form, "fingerprint": fingerprint_of("test", [content, form, lr])}
    manifest = made.manifest.model_copy(update=names)
    return replace(made, soft_labels=soft_labels, learned_lr=lr, manifest=manifest)


def stored_as(synthetic: rd3.Synthetic, format: str, place: Path, target: rd3.Target) -> rd3.Synthetic:
    """The set as another tool would hand it over."""
    path = place / ("set.npz" if format == "npz" else "set")
    export(synthetic, path, format)
    if format == "folder":
        for ours in ("rd3.json", "soft_labels.safetensors"):
            (path / ours).unlink(missing_ok=True)
    return rd3.read_synthetic(path, target=target, name=f"set-{format}")


def check_scores(card: ScoreCard, *, hard: bool) -> None:
    """The scores are those of the sub-accuracies, worked out one replicate at a time."""
    found = {part.symbol: part.accuracies for part in card.parts}
    assert list(found) == ["A_rh", "A_sh", "A_sa", "A_ra", "A_sn", "A_rn"]
    assert all(sorted(accuracies) == [0, 1] for accuracies in found.values())
    if hard:
        assert found["A_sh"] == found["A_sa"]
    hlrs = [found["A_rh"][r] - found["A_sh"][r] for r in range(SEEDS)]
    iors = [found["A_sa"][r] - found["A_ra"][r] for r in range(SEEDS)]
    plain = [found["A_sn"][r] - found["A_rn"][r] for r in range(SEEDS)]
    assert card.row["hlr"]["mean"] == pytest.approx(np.mean(hlrs))
    assert card.row["ior"]["mean"] == pytest.approx(np.mean(iors))
    assert card.row["lrs"]["mean"] == pytest.approx(np.mean([lrs(*pair) for pair in zip(hlrs, iors, strict=True)]))
    assert card.row["ars"]["mean"] == pytest.approx(np.mean([ars(*pair) for pair in zip(iors, plain, strict=True)]))


@pytest.mark.parametrize("format", ["npz", "folder", "rd3"])
@pytest.mark.parametrize("mode", ["hard", "static", "online", "pool"])
def test_every_mode_and_format_has_all_four_scores(mode, format, target, softly, teachers, folder, store, tmp_path):
    """Where the format keeps them, static labels are the set's own; a folder of pictures is labelled by the teacher."""
    given = stored_as(softly, format, tmp_path, target)
    card = rd3.score(
        given, target, protocol=write_protocol(folder, mode), teacher=teachers, student=MODEL, seeds=SEEDS, store=store
    )
    check_scores(card, hard=mode == "hard")
    labelled_by = {part.symbol: {name for run in part.records for name in run.teachers} for part in card.parts}
    first, both = {teachers[0].fingerprint}, {teacher.fingerprint for teacher in teachers}
    own = mode == "static" and format != "folder"
    expected = {"hard": set(), "static": both, "online": first, "pool": both}[mode]
    assert labelled_by["A_sa"] == labelled_by["A_sn"] == (set() if own else expected)
    assert labelled_by["A_ra"] == labelled_by["A_rn"] == expected
    assert labelled_by["A_rh"] == labelled_by["A_sh"] == set()


def test_own_labels_are_what_is_learned_and_their_form_matters(target, softly, folder, store) -> None:
    """Declared probabilities and their logs give the same student, bit for bit; taken for logits they do not."""
    name = write_protocol(folder, "static")
    logs = labelled(softly, softly.soft_labels.log(), form="logits", method="logs")
    wrong = labelled(softly, softly.soft_labels, form="logits", method="wrong")
    options = {"protocol": name, "student": MODEL, "seeds": 1, "store": store}
    right, same, other = (rd3.evaluate(one, target, **options).records[0] for one in (softly, logs, wrong))
    assert (same.curve, same.correct) == (right.curve, right.correct)
    assert other.correct != right.correct
    assert right.teachers == {}


def test_undeclared_labels_are_read_off_and_flagged(target, softly, folder, store) -> None:
    silent = labelled(softly, softly.soft_labels, form=None, method="silent")
    options = {"protocol": write_protocol(folder, "static"), "student": MODEL, "seeds": 1, "store": store}
    record = rd3.evaluate(silent, target, **options).records[0]
    assert "its soft labels are taken for probabilities: the set does not declare what they are" in record.flags
    assert record.accuracy == rd3.evaluate(softly, target, **options).records[0].accuracy
    hard = rd3.evaluate(silent, target, **options | {"protocol": write_protocol(folder, "hard")}).records[0]
    assert not any("soft labels" in flag for flag in hard.flags)


def test_random_images_need_somebody_to_label_them(target, softly, folder, store) -> None:
    name = write_protocol(folder, "static")
    with pytest.raises(rd3.UserError, match="protocol static has soft labels; random brings none, and no teacher was"):
        rd3.score(softly, target, protocol=name, student=MODEL, seeds=1, store=store)
    with pytest.raises(rd3.UserError, match="protocol online labels with a teacher, and none was given"):
        rd3.score(softly, target, protocol=write_protocol(folder, "online"), student=MODEL, seeds=1, store=store)


def test_own_labelled_sets_rank_beside_teacher_labelled_random_ones(target, softly, teachers, folder, store) -> None:
    name = write_protocol(folder, "static")
    card = rd3.score(softly, target, protocol=name, teacher=teachers[0], student=MODEL, seeds=SEEDS, store=store)
    records = [record for part in card.parts for record in part.records]
    assert [row["method"] for row in rows(records) if row["protocol"]["id"] == "static"].count("random") == 1
    other = rd3.score(softly, target, protocol=name, teacher=teachers[1], student=MODEL, seeds=SEEDS, store=store)
    mixed = [*records, *(record for part in other.parts for record in part.records if record.method == "random")]
    with pytest.raises(rd3.UserError, match=r"different teachers|their teachers differ"):
        rows(mixed)


def test_a_second_set_only_trains_its_own_runs(target, softly, teachers, folder, tmp_path) -> None:
    store, name = Store(tmp_path), write_protocol(folder, "online")
    options = {"protocol": name, "teacher": teachers[0], "student": MODEL, "seeds": SEEDS, "store": store}
    first, second, again = Ears(), Ears(), Ears()
    rd3.score(softly, target, listener=first, **options)
    assert len(first.runs) == 6 * SEEDS  # A_rh, A_sh, A_sa, A_ra, A_sn, A_rn
    assert len(first.jobs) == 7 * SEEDS  # and the random subsets
    other = labelled(replace(softly, images=255 - softly.images), None, form=None, method="other")
    rd3.score(other, target, listener=second, **options)
    assert {job.label for job in second.jobs} == {"other"}
    assert len(second.jobs) == 3 * SEEDS
    rd3.score(softly, target, listener=again, **options)
    assert again.jobs == []


def test_lrs_and_ars_share_their_trainings(target, softly, teachers, folder, tmp_path) -> None:
    """DD-Ranking's two evaluators train 23 students a repeat where 17 are different: with one rate, 4 + 4 and 6."""
    options = {"protocol": write_protocol(folder, "online"), "teacher": teachers[0], "student": MODEL}
    alone = {}
    for name in ("lrs", "ars"):
        ears = Ears()
        card = rd3.score(softly, target, scores=[name], seeds=1, store=Store(tmp_path / name), listener=ears, **options)
        alone[name] = len(ears.runs)
        assert (card.row["lrs"] is None, card.row["ars"] is None) == (name == "ars", name == "lrs")
    both = Ears()
    rd3.score(softly, target, seeds=1, store=Store(tmp_path / "both"), listener=both, **options)
    assert (alone, len(both.runs)) == ({"lrs": 4, "ars": 4}, 6)


def test_a_learned_rate_joins_the_search_of_both_sides(target, softly, teachers, folder, store) -> None:
    name = write_protocol(folder, "hard-search", more=SEARCH)
    learned = labelled(softly, softly.soft_labels, form="probabilities", method="learned", lr=0.03)
    options = {"protocol": name, "teacher": teachers[0], "student": MODEL, "seeds": 1, "store": store}
    card = rd3.score(learned, target, **options)
    assert card.row["protocol"]["id"] == "hard-search+lr0.03"
    for part in card.parts:
        record = part.records[0]
        searched = [rate for rate, _ in record.rates]
        assert searched == ([] if part.symbol == "A_rh" else [0.001, 0.01, 0.03]), part.symbol
        if searched:
            assert dict(record.rates)[record.lr] == max(accuracy for _, accuracy in record.rates)
            assert any("0.03, which the set learned, is searched too" in flag for flag in record.flags)
    usual = rd3.score(softly, target, **options)
    assert usual.row["protocol"]["id"] == "hard-search"
    assert usual.row["protocol"]["hash"] != card.row["protocol"]["hash"]
    assert [rate for rate, _ in usual.parts[2].records[0].rates] == [0.001, 0.01]


def test_a_protocol_with_one_rate_says_that_the_learned_one_is_not_used(target, softly, folder, store) -> None:
    options = {"protocol": write_protocol(folder, "hard"), "student": OTHER, "seeds": 1, "store": store}
    record = rd3.evaluate(
        labelled(softly, softly.soft_labels, form="probabilities", method="learned", lr=0.03), target, **options
    ).records[0]
    assert record.lr == 0.001
    assert "its learned rate 0.03 is not used: the protocol has one rate for all" in record.flags


def test_random_search_is_for_random_images_only(target, softly, folder, store) -> None:
    name = f"{write_protocol(folder, 'hard-search', more=SEARCH)}+random-search"
    learned = labelled(softly, softly.soft_labels, form="probabilities", method="learned", lr=0.03)
    card = rd3.score(learned, target, protocol=name, student=MODEL, seeds=1, store=store)
    rates = {part.symbol: part.records[0] for part in card.parts}
    assert (rates["A_sa"].lr, rates["A_sa"].rates) == (0.03, ())
    assert [rate for rate, _ in rates["A_ra"].rates] == [0.001, 0.01]
    assert card.row["rankable"] is False
    without = rd3.score(softly, target, protocol=name, student=MODEL, seeds=1, store=store, scores=("lrs",))
    found = {part.symbol: [rate for rate, _ in part.records[0].rates] for part in without.parts}
    assert found["A_sa"] == found["A_ra"] == [0.001, 0.01]


def test_random_search_searches_for_the_hard_runs_of_soft_labels(target, softly, folder, store) -> None:
    name = f"{write_protocol(folder, 'static-search', more=SEARCH)}+random-search"
    learned = labelled(softly, softly.soft_labels, form="probabilities", method="learned", lr=0.03)
    planned = rd3.api.plan_score(learned, target, protocol=name, teacher=Labeller("t", OTHER), seeds=1, store=store)
    searched = {part: runs[0].spec.settings.lr_search for part, runs in planned.parts.items()}
    assert searched["synthetic_own"] is searched["synthetic_plain"] is None
    assert searched["synthetic_hard"] == searched["random_own"] == searched["random_plain"] == (0.001, 0.01)


def test_peeking_is_marked_wherever_it_touches(target, softly, folder, store) -> None:
    name = write_protocol(folder, "hard-search", more=SEARCH)
    options = {"protocol": name, "student": MODEL, "seeds": SEEDS, "store": store}
    honest = rd3.score(softly, target, **options)
    peeked = rd3.score(softly, target, selection="test-peek", **options)
    assert peeked.peeks
    assert not honest.peeks
    for part in peeked.parts:
        for record in part.records:
            assert record.protocol.id.endswith("+test-peek")
            assert "chosen on the test split, for comparison only" in record.protocol.not_rankable
            assert "chosen on the test split: for comparison only" in record.flags
            assert record.settings.report == "best"
            if record.rates:  # the best rate by the very number that is reported
                assert record.accuracy == max(accuracy for _, accuracy in record.rates)
    assert peeked.row["rankable"] is False
    assert any(flag.startswith("not rankable") and "test split" in flag for flag in peeked.row["flags"])
    records = [record for card in (honest, peeked) for part in card.parts for record in part.records]
    hashes = {row["protocol"]["hash"] for row in rows(records)}
    assert len(hashes) == 2  # no group holds both
    with pytest.raises(rd3.UserError, match="unknown selection 'peek'"):
        rd3.score(softly, target, selection="peek", **options)


def test_weights_are_applied_to_what_is_stored(target, softly, teachers, folder, store) -> None:
    options = {"protocol": write_protocol(folder, "online"), "teacher": teachers[0], "student": MODEL, "store": store}
    ears = Ears()
    usual = rd3.score(softly, target, seeds=1, **options)
    weighed = rd3.score(softly, target, seeds=1, w=0.25, gamma=1.0, listener=ears, **options)
    assert ears.jobs == []
    hlr, ior = usual.row["hlr"]["mean"], usual.row["ior"]["mean"]
    assert weighed.row["lrs"]["mean"] == pytest.approx(lrs(hlr, ior, w=0.25))
    assert weighed.row["ars"]["mean"] == pytest.approx(ars(ior, 0.0, gamma=1.0))
    assert any("w = 0.25 in LRS, gamma = 1 in ARS" in flag for flag in weighed.row["flags"])
    assert weighed.as_json()["replicates"]["lrs"][0] == pytest.approx(weighed.row["lrs"]["mean"])
    with pytest.raises(rd3.UserError, match=r"w = 2: must be a fraction"):
        rd3.score(softly, target, w=2, **options)


def test_other_teachers_than_the_pool_s_are_flagged(target, softly, teachers, folder, store) -> None:
    options = {"student": MODEL, "seeds": 1, "store": store}
    pool, one = write_protocol(folder, "pool"), write_protocol(folder, "online")
    right = rd3.evaluate(softly, target, protocol=pool, teacher=teachers, **options).records[0]
    assert not any("labelled by" in flag for flag in right.flags)
    lacking = rd3.evaluate(softly, target, protocol=pool, teacher=teachers[0], **options).records[0]
    assert f"labelled by {MODEL} where pool has {OTHER}, {MODEL}" in lacking.flags
    first = rd3.evaluate(softly, target, protocol=one, teacher=[teachers[1], teachers[0]], **options).records[0]
    assert f"labelled by {OTHER} where online has {MODEL}" in first.flags
    assert set(first.teachers) == {teachers[1].fingerprint}


def test_a_peeking_protocol_is_scored_against_a_reference_that_peeks_too(target, softly, store) -> None:
    planned = rd3.api.plan_score(
        softly, target, protocol="rd3-hard+test-peek", whole="whole-short", student=OTHER, seeds=1, store=store
    )
    assert [run.mark.id for run in planned.parts["whole_hard"]] == ["whole-short+test-peek"]
    assert planned.parts["synthetic_own"][0].mark.counterparts.whole == "whole-short+test-peek"


def test_a_protocol_that_is_hard_in_this_cell_needs_no_hard_runs(target, softly, store) -> None:
    planned = rd3.api.plan_score(softly, target, protocol="minimax", student=OTHER, seeds=1, store=store)
    assert planned.parts["synthetic_hard"] == planned.parts["synthetic_own"]
    assert planned.parts["synthetic_own"][0].mark.counterparts.hard is None
