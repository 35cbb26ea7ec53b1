"""Audits of real runs: they add up, find what is known, and train nothing twice."""

from __future__ import annotations

import re
from statistics import fmean

import pytest
from scipy import stats

import rd3
from rd3.base.errors import UserError
from rd3.report.audit import render_audit
from rd3.report.audit_steps import shown
from rd3.report.format import percent
from rd3.scores.attribution import path
from rd3.study.audit.result import Audit
from rd3.study.store import Store

SEEDS = 2


@pytest.fixture(scope="module")
def options(target, teacher, store):
    return {"target": target, "teacher": teacher, "seeds": SEEDS, "store": store}


@pytest.fixture(scope="module")
def protocols(protocol):
    """From one epoch to thirty; the batch grows too, but both are above the 20 images, so that it changes nothing."""
    return {
        "start": protocol("one-epoch", epochs=1, batch_size=50),
        "end": protocol("thirty", epochs=30, batch_size=80),
    }


@pytest.fixture(scope="module")
def audit(random_set, protocols, options) -> Audit:
    return rd3.audit(random_set, **protocols, **options)


@pytest.fixture(scope="module")
def sampled(random_set, herding_set, protocol, options) -> Audit:
    """Six factors, more than are taken exactly."""
    start = protocol("many-a", epochs=1, batch_size=5)
    end = protocol(
        "many-b", epochs=12, batch_size=10, lr=0.01, zeta=1.0, mix=None, ema=0.9,
    )  # fmt: skip
    return rd3.audit(random_set, other=herding_set, start=start, end=end, **options)


def by_seed(audit: Audit, *switched: str) -> list[float]:
    """Straight from the runs of a coalition."""
    (found,) = [each for each in audit.coalitions if set(each.switched) == set(switched)]
    return [found.accuracies[seed] for seed in range(audit.seeds)]


def test_the_known_effect_is_found_and_what_changes_nothing_gets_exactly_nothing(audit) -> None:
    assert [factor.key for factor in audit.factors] == ["epochs", "batch"]
    epochs, batch = audit.contributions
    assert batch.seeds == (0.0, 0.0)
    assert epochs.seeds == pytest.approx([b - a for a, b in zip(audit.start.seeds, audit.end.seeds, strict=True)])
    assert audit.difference.mean > 0.1


def test_shares_add_up_exactly_in_every_seed(audit, sampled) -> None:
    for each in (audit, sampled):
        for seed in range(each.seeds):
            total = sum(contribution.seeds[seed] for contribution in each.contributions)
            assert total == pytest.approx(each.end.seeds[seed] - each.start.seeds[seed], abs=1e-12)
        total = sum(contribution.interval.mean for contribution in each.contributions)
        assert total == pytest.approx(each.difference.mean, abs=1e-12)
        assert sum(rung.difference.mean for rung in each.ladder) == pytest.approx(each.difference.mean, abs=1e-12)


def test_sampled_orders_are_each_seeds_own(sampled) -> None:
    assert not sampled.exact
    assert len(sampled.factors) == 7
    assert {"images", "ema", "mix", "schedule", "optimiser", "batch", "epochs"} == {f.key for f in sampled.factors}
    assert sampled.orders == 8
    assert sampled.runs < SEEDS * 2**7
    runs = [{each.switched for each in sampled.coalitions if seed in each.accuracies} for seed in range(SEEDS)]
    assert runs[0] != runs[1]
    ladder = {tuple(sampled.names)[:size] for size in range(8)}
    assert ladder <= runs[0] & runs[1]


def test_drawn_shares_stand_under_their_factors_down_to_the_page(sampled) -> None:
    """Every seed's orders begin with another factor than the ladder, and one order is as good as another."""
    keys = [factor.key for factor in sampled.factors]
    assert [each.factor for each in sampled.contributions] == keys == [rung.factor for rung in sampled.ladder]
    shares = {sampled.names[each.factor]: percent(shown(each.interval), signed=True) for each in sampled.contributions}
    assert len(set(shares.values())) > 1
    rows = re.findall(
        r'<th scope="row" class="name">([^<]+)</th>\s*<td><strong>([^<]+)</strong>', render_audit(sampled)
    )
    assert dict(rows) == shares


def test_the_ends_are_the_protocols_themselves(audit, random_set, target, teacher) -> None:
    """The judge's own word on the settings and the seed of the first run."""
    from rd3.base.seeds import derive_seed
    from rd3.data.images import MemoryImages
    from rd3.evaluation.judge import judge
    from rd3.relabel.pool import TeacherPool

    student = teacher.name
    settings, _ = rd3.load_protocol("rd3").resolve(target, 2, student)
    found = judge(
        MemoryImages(random_set.images, random_set.labels),
        target=target,
        settings=settings.model_copy(update={"epochs": 30, "batch_size": 80}),
        student=student,
        seed=derive_seed("run", "audit", target.fingerprint, 2, student, 0),
        teachers=TeacherPool([teacher], target.classes),
    )
    assert found.accuracy == audit.end.seeds[0]


def test_the_ladder_is_made_of_its_runs(audit) -> None:
    for rung, step in zip(audit.ladder, path(("epochs", "batch"))[1:], strict=True):
        values = by_seed(audit, *step)
        assert rung.accuracy.mean == pytest.approx(fmean(values))
    test = stats.ttest_rel(by_seed(audit, "epochs"), by_seed(audit))
    assert audit.ladder[0].difference.low == pytest.approx(test.confidence_interval(0.95).low)


def test_what_is_not_as_the_protocol_wants_is_said(audit) -> None:
    assert "one-epoch, thirty: labelled by convnet1-bn-w8 where it has resnet18" in audit.flags
    assert any("flip left out" in flag for flag in audit.flags)
    assert list(audit.teachers.values()) == ["convnet1-bn-w8"]


def test_the_result_survives_its_file(audit, sampled) -> None:
    for each in (audit, sampled):
        assert Audit.model_validate_json(each.model_dump_json()) == each


def test_nothing_is_trained_twice(random_set, protocols, protocol, options, listener, audit) -> None:
    assert rd3.audit(random_set, **protocols, **options, listener=listener) == audit
    assert rd3.audit(random_set, **protocols, **options, order=["batch"], listener=listener).ladder[0].factor == "batch"
    assert listener.done == []
    third = protocol("third", epochs=1, batch_size=7)
    rd3.audit(random_set, start=protocols["start"], end=third, **options, listener=listener)
    assert len(listener.done) == SEEDS, "the start's runs are those of the first audit"


def test_a_killed_audit_goes_on_where_it_was(random_set, protocols, target, teacher, tmp_path, listener, audit) -> None:
    class Impatient(type(listener)):
        def finished(self, job: object, seconds: float) -> None:
            super().finished(job, seconds)
            if len(self.done) == 3:
                raise KeyboardInterrupt

    options = {"target": target, "teacher": teacher, "seeds": SEEDS, "store": Store(tmp_path / "home")}
    with pytest.raises(KeyboardInterrupt):
        rd3.audit(random_set, **protocols, **options, listener=Impatient())
    found = rd3.audit(random_set, **protocols, **options, listener=listener)
    assert len(listener.done) == SEEDS * 4 - 3
    assert found == audit, "the same bits in another store"


def test_images_are_a_factor_like_any_other(random_set, herding_set, protocols, options) -> None:
    found = rd3.audit(random_set, other=herding_set, **protocols, **options)
    assert [factor.key for factor in found.factors] == ["epochs", "batch", "images"]
    images = next(each for each in found.contributions if each.factor == "images")
    first = [b - a for a, b in zip(by_seed(found), by_seed(found, "images"), strict=True)]
    last = [b - a for a, b in zip(by_seed(found, "epochs"), by_seed(found, "epochs", "images"), strict=True)]
    # the batch is idle, so the images come half the time before the epochs and half the time after them
    assert images.seeds == pytest.approx([(a + b) / 2 for a, b in zip(first, last, strict=True)], abs=1e-12)


def test_two_sets_under_one_protocol_differ_in_their_images_alone(random_set, herding_set, protocols, options) -> None:
    found = rd3.audit(random_set, other=herding_set, start=protocols["end"], end=protocols["end"], **options)
    (only,) = found.contributions
    assert (only.factor, only.interval.mean) == ("images", pytest.approx(found.difference.mean))


def test_a_published_number_leaves_a_remainder(random_set, protocols, options, audit) -> None:
    found = rd3.audit(random_set, **protocols, **options, published=0.5)
    assert found.remainder is not None
    assert found.remainder.mean == pytest.approx(0.5 - audit.start.accuracy.mean)
    assert found.remainder.high == pytest.approx(0.5 - audit.start.accuracy.low)
    ours = found.published - found.remainder.mean + sum(each.interval.mean for each in found.contributions)
    assert ours == pytest.approx(found.end.accuracy.mean, abs=1e-12)
    alone = rd3.audit(random_set, start=protocols["end"], end=protocols["end"], **options, published=0.5)
    assert (alone.factors, alone.ladder, alone.contributions) == ((), (), ())
    assert alone.difference.mean == 0


def test_a_scaled_audit_says_so_and_runs_fewer_epochs(random_set, protocols, options) -> None:
    found = rd3.audit(random_set, start=protocols["end"], end=protocols["start"], **options, epochs_scale=0.1)
    assert found.scaled
    assert found.flags[0] == "scaled: 0.1 times the epochs of every protocol"
    (change,) = found.factors[0].changes
    assert (change.start, change.end) == (3, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"end": "one-epoch"}, "do not differ for digits, IPC 2, convnet1-bn-w8: there is nothing to audit"),
        ({"published": 53.9}, "published = 53.9: an accuracy lies between 0 and 1"),
        ({"order": ["epoch"]}, "unknown factor 'epoch'"),
        ({"seeds": 0}, "seeds = 0: at least 1"),
        ({"permutations": 3}, "permutations = 3: each comes with its reverse"),
        ({"teacher": None}, "protocol one-epoch labels with a teacher, and none was given"),
        ({"epochs_scale": -1}, "epochs scale = -1: must be above 0"),
    ],
)
def test_what_makes_no_sense_is_refused_before_any_work(
    random_set, protocols, options, listener, changes, message
) -> None:
    if "end" in changes:
        changes = {"end": protocols["start"]}
    with pytest.raises(UserError, match=message):
        rd3.audit(random_set, **{**protocols, **options, **changes}, listener=listener)
    assert listener.done == []


def test_a_pool_labels_where_a_protocol_asks_for_one(random_set, protocol, target, teacher, store) -> None:
    other = rd3.squeeze(target, model=teacher.name, epochs=2, seed=1, store=store)
    alone = protocol("alone", epochs=2, teacher="resnet18")
    pooled = protocol("pooled", epochs=2, teacher=["resnet18", "resnet50"])
    found = rd3.audit(random_set, target, start=alone, end=pooled, teacher=(teacher, other), seeds=1, store=store)
    assert set(found.teachers) == {teacher.fingerprint, other.fingerprint}
    assert "alone: labelled by convnet1-bn-w8 where it has resnet18" in found.flags
    assert "pooled: labelled by convnet1-bn-w8, convnet1-bn-w8 where it has resnet18, resnet50" in found.flags
    assert [factor.key for factor in found.factors] == ["labels"], "one teacher against two is what differs"
    assert found.difference.low is None, "one seed has no interval"
