"""Methods under their own protocols and under one, against their runs and closed forms."""

from __future__ import annotations

import pytest
from scipy import stats

import rd3
from rd3.base.errors import UserError
from rd3.study.audit.rectification import OwnProtocol, Rectification, compared, gap, ranks

# RD3's ImageNet-1K table at IPC 10 (arXiv 2509.19743, as reviews report it).
# SRe2L, CDA, G-VBSM, DWA, EDC, Minimax, D4M, RDED
BEFORE = dict(zip("abcdefgh", (21.3, 33.5, 31.4, 37.9, 48.6, 44.3, 27.9, 42.0), strict=True))
AFTER = dict(zip("abcdefgh", (40.2, 41.2, 41.5, 42.5, 46.9, 45.9, 45.4, 46.3), strict=True))


@pytest.fixture(scope="module")
def options(teacher, store):
    return {"teacher": teacher, "seeds": 3, "store": store}


@pytest.fixture(scope="module")
def found(random_set, herding_set, protocol, target, options) -> Rectification:
    own = protocol("own-long", epochs=25), protocol("own-short", epochs=1)
    return rd3.rectify(
        [(random_set, own[0]), (herding_set, own[1])], target, to=protocol("common", epochs=25), **options
    )


def test_the_gaps_of_the_paper() -> None:
    assert gap({name: [value] for name, value in BEFORE.items()}) == pytest.approx(27.3)
    assert gap({name: [value] for name, value in AFTER.items()}) == pytest.approx(6.7)


def test_the_places_of_the_paper() -> None:
    places = ranks({name: [value] for name, value in BEFORE.items()})
    oracle = stats.rankdata([-value for value in BEFORE.values()], method="min")
    assert list(places.values()) == list(oracle)
    assert ranks({"a": [0.5, 0.7], "b": [0.6, 0.6], "c": [0.9, 0.1]}) == {"a": 1, "b": 1, "c": 3}


def test_one_run_each_has_places_but_no_tests() -> None:
    methods = [OwnProtocol(name=name, images=name, protocol="own", version=1, hash="x") for name in BEFORE]
    before, after = ({name: [v / 100] for name, v in table.items()} for table in (BEFORE, AFTER))
    answer = compared(methods, before, after, resolution=0.0)
    assert [method.name for method in answer] == sorted(BEFORE, key=lambda name: -BEFORE[name])
    first = answer[0]
    assert (first.rank_before, first.rank_after, first.change.mean) == (1, 1, pytest.approx(-0.017))
    assert all(method.p is None and not method.separable for method in answer)


def test_changes_are_paired_seed_by_seed(found, target, options, herding_set, protocol) -> None:
    by_name = {method.name: method for method in found.methods}
    audit = rd3.audit(
        herding_set, target, start=protocol("own-short", epochs=1), end=protocol("common", epochs=25), **options
    )
    assert by_name["herding"].before == audit.start.accuracy
    assert by_name["herding"].after == audit.end.accuracy
    test = stats.ttest_rel(audit.end.seeds, audit.start.seeds)
    interval = test.confidence_interval(0.95)
    assert by_name["herding"].change.low == pytest.approx(interval.low)
    assert by_name["herding"].p == pytest.approx(test.pvalue)


def test_a_method_that_has_the_common_protocol_does_not_change(found) -> None:
    random = next(method for method in found.methods if method.name == "random")
    assert random.before == random.after
    assert random.change.mean == 0
    assert random.changes == ()
    herding = next(method for method in found.methods if method.name == "herding")
    assert [(change.field, change.start, change.end) for change in herding.changes] == [("epochs", 1, 25)]


def test_gaps_and_places_are_those_of_the_means(found) -> None:
    for when in ("before", "after"):
        means = [getattr(method, when).mean for method in found.methods]
        assert getattr(found, f"gap_{when}") == pytest.approx(max(means) - min(means))
        places = [getattr(method, f"rank_{when}") for method in found.methods]
        assert places == list(stats.rankdata([-mean for mean in means], method="min"))
    assert found.gap_before > found.gap_after


def test_an_audit_takes_its_runs_from_a_rectification(found, herding_set, target, options, protocol, listener) -> None:
    short, common = protocol("own-short", epochs=1), protocol("common", epochs=25)
    rd3.audit(herding_set, target, start=short, end=common, **options, listener=listener)
    assert listener.done == []
    assert Rectification.model_validate_json(found.model_dump_json()) == found


def test_what_cannot_be_compared_is_refused(random_set, herding_set, protocol, target, options, store) -> None:
    own = protocol("common", epochs=25)
    larger = rd3.distill("random", target, ipc=3, store=store)
    for methods, message in (
        ([(random_set, own)], "at least 2 methods are needed"),
        ([(random_set, own), (larger, own)], "IPC 2 and 3: methods are compared at one size"),
        ([(random_set, own), (random_set, own)], "given twice"),
    ):
        with pytest.raises(UserError, match=message):
            rd3.rectify(methods, target, to=own, **options)
    assert len(rd3.rectify([(random_set, own), (herding_set, own)], target, to=own, **options).methods) == 2
