"""Mixtures are protocols of their own, scaled ones are marked, and all runs of a cell share their seeds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.evaluation.scaling import scaled
from rd3.evaluation.settings import Settings
from rd3.scores.attribution import coalitions
from rd3.study.audit.case import make_case
from rd3.study.audit.cell import Cell
from rd3.study.audit.mixture import AUDIT, comparable, is_mixture
from rd3.study.labellers import Labeller
from rd3.study.ranking import rows
from rd3.study.records import read_records


@pytest.fixture(scope="module")
def case(cell, random_set, herding_set, protocol):
    start = rd3.load_protocol(protocol("mixed-a", epochs=1, batch_size=20))
    end = rd3.load_protocol(protocol("mixed-b", epochs=5, labels="hard", loss="ce", teacher=None, temperature=1.0))
    return make_case(cell, cell.side(random_set, start), cell.side(herding_set, end))


def test_labels_and_loss_go_together_and_the_reason_is_the_protocols(case) -> None:
    assert case.keys == ("epochs", "batch", "labels+loss", "images")
    assert case.reasons == {
        "labels+loss": "labels = hard do not go with loss = kl; ce takes hard labels, the other losses take soft ones"
    }


def test_whitening_and_online_labels_go_together_too(cell, random_set, protocol) -> None:
    start = rd3.load_protocol(protocol("white", labels="hard", loss="ce", teacher=None, zca=0.1, epochs=2))
    end = rd3.load_protocol(protocol("online", epochs=3))
    case = make_case(cell, cell.side(random_set, start), cell.side(random_set, end))
    assert case.keys == ("epochs", "labels+loss+normalisation")
    assert "zca: online labels need images that a teacher can read" in case.reasons[case.keys[1]]


def test_a_coalition_has_the_switched_fields_of_the_end_and_the_rest_of_the_start(case) -> None:
    settings = case.job(frozenset({"epochs", "images"}), 0).spec.settings
    assert (settings.epochs, settings.batch_size, settings.labels, settings.loss) == (5, 20, "online", "kl")
    settings = case.job(frozenset({"labels+loss"}), 0).spec.settings
    assert (settings.epochs, settings.batch_size, settings.labels, settings.loss) == (1, 20, "hard", "ce")


def test_all_coalitions_share_their_seeds_and_differ_in_everything_else(case) -> None:
    jobs = {(c, seed): case.job(c, seed) for c in coalitions(case.keys) for seed in (0, 1)}
    for seed in (0, 1):
        expected = derive_seed("run", AUDIT, case.cell.target.fingerprint, 2, case.cell.student, seed)
        assert {job.spec.seed for (_, replicate), job in jobs.items() if replicate == seed} == {expected}
    assert len({job.fingerprint for job in jobs.values()}) == len(jobs) == 32


def test_images_are_those_of_the_side_and_hard_runs_need_no_teacher(case, random_set, herding_set) -> None:
    images = {c: case.job(c, 0).spec.images for c in coalitions(case.keys)}
    assert {images[c] for c in images if "images" in c} == {herding_set.manifest.fingerprint}
    assert {images[c] for c in images if "images" not in c} == {random_set.manifest.fingerprint}
    assert all((case.job(c, 0).spec.teachers == ()) == ("labels+loss" in c) for c in images)


def test_the_mark_says_that_it_is_no_protocol(case) -> None:
    mark = case.job(frozenset(), 0).mark
    assert (mark.id, mark.purpose, mark.not_rankable) == (AUDIT, "reference", "an audit's mixture of two protocols")
    assert is_mixture(mark)


def test_a_mixture_depends_on_its_values_alone(cell, random_set, protocol) -> None:
    """So a third protocol takes the runs of the first, and a default that is written out is the same default."""
    names = {
        "plain": {"epochs": 4},
        "again": {"epochs": 4, "augment": [{"kind": "random-resized-crop", "scale": [1, 1]}]},
    }
    sides = [
        cell.side(random_set, rd3.load_protocol(protocol(name, checkpoints=k, teacher=asked, **values)))
        for k, asked, (name, values) in zip((2, 3), ("resnet18", "resnet50"), names.items(), strict=True)
    ]
    assert sides[0].settings == sides[1].settings
    flags = [flag for side in sides for _, flag in side.flags if "labelled" in flag]
    assert flags == [f"labelled by {cell.student} where it has {asked}" for asked in ("resnet18", "resnet50")]


def test_sides_of_two_sizes_are_refused(cell, random_set, protocol, target, store) -> None:
    larger = rd3.distill("random", target, ipc=3, store=store)
    side = rd3.load_protocol(protocol("sized", epochs=2))
    with pytest.raises(UserError, match="IPC 2 against IPC 3: only synthetics of one size share their seeds"):
        make_case(cell, cell.side(random_set, side), cell.side(larger, side))


def test_weights_for_another_number_of_teachers_are_left_out() -> None:
    given = settings(teacher_weights=(0.7, 0.3))
    two = (Labeller("f", "mlp"), Labeller("g", "lenet"))
    assert comparable(given, two).teacher_weights == (0.7, 0.3)
    assert comparable(given, two[:1]).teacher_weights is None


def test_who_labels_is_compared_and_not_who_was_asked_for() -> None:
    given, two = settings(teacher="resnet18"), (Labeller("f", "mlp"), Labeller("g", "lenet"))
    assert comparable(given, two[:1]) == comparable(settings(teacher="resnet50"), two[:1])
    assert comparable(given, two[:1]) != comparable(given, two)


def settings(**values) -> Settings:
    basis = {"labels": "online", "epochs": 300, "batch_size": 10, "optimiser": "adamw", "loss": "kl"}
    return Settings.model_validate({**basis, "normalisation": "target", **values})


def test_scaling_takes_along_what_is_counted_in_epochs() -> None:
    whole = settings(milestones=(150, 0.9), warmup_epochs=5, label_epochs=7.5, report_every=10, report_phase=9)
    small = scaled(whole, 0.1)
    assert (small.epochs, small.milestones, small.warmup_epochs) == (30, (15, 0.9), 1)
    assert (small.label_epochs, small.report_every, small.report_phase) == (0.75, 1, 0)
    changed = {"epochs", "milestones", "warmup_epochs", "label_epochs", "report_every", "report_phase"}
    assert whole.model_dump(exclude=changed) == small.model_dump(exclude=changed)
    assert scaled(whole, 1.0) == whole
    assert scaled(settings(), 0.0001).epochs == 1
    with pytest.raises(UserError, match="epochs scale = 0: must be above 0"):
        scaled(whole, 0)


def test_a_ranking_leaves_mixtures_out(random_set, protocol, target, teacher, store) -> None:
    """Whatever lies beside them: two mixtures have one id and two hashes, which a ranking would not mix."""
    own, other = protocol("ranked", epochs=1), protocol("ranked-not", epochs=2)
    options = {"teacher": teacher, "seeds": 1, "store": store}
    ranked = rd3.evaluate(random_set, target, protocol=own, **options).records
    rd3.audit(random_set, target, start=own, end=other, **options)
    everything = read_records([store.root / "run"])
    mixtures = [record for record in everything if is_mixture(record.protocol)]
    assert len({record.protocol.hash for record in mixtures}) >= 2
    assert [row["protocol"]["id"] for row in rows([*ranked, *mixtures])] == ["ranked"]


def test_images_that_bring_their_labels_go_with_them_where_nobody_else_labels(
    target, random_set, herding_set, protocol
) -> None:
    """The other images would have no soft labels, so images and labels cannot be switched apart."""
    start = rd3.load_protocol(protocol("brought", labels="static", teacher=None, epochs=2))
    end = rd3.load_protocol(protocol("unbrought", labels="hard", loss="ce", teacher=None, epochs=3))
    soft = replace(random_set, soft_labels=torch.eye(10)[random_set.labels])
    alone = Cell(target, "convnet1-bn-w8", ())
    case = make_case(alone, alone.side(soft, start), alone.side(herding_set, end))
    assert case.keys == ("epochs", "labels+loss+images")
    assert "labels with a teacher, and none was given" in case.reasons["labels+loss+images"]
    assert case.job(frozenset({"labels+loss+images"}), 0).spec.images == herding_set.manifest.fingerprint
    with pytest.raises(UserError, match="protocol brought labels with a teacher, and none was given"):
        alone.side(herding_set, start)
