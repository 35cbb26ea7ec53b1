"""Rungs of a ladder against scipy's paired t-test and statsmodels' Holm correction."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rd3.scores.attribution import Coalition, path
from rd3.scores.ladder import Rung, climb, corrected

ORDER = ("epochs", "batch", "labels")
TRUE_STEPS = (0.2, 0.0, 0.05)


@pytest.fixture(scope="module")
def accuracies() -> dict[Coalition, list[float]]:
    generator = random.Random(2)
    values = [[0.4 + generator.gauss(0, 0.05) for _ in range(6)]]
    for step in TRUE_STEPS:
        values.append([below + step + generator.gauss(0, 0.02) for below in values[-1]])
    return dict(zip(path(ORDER), values, strict=True))


@pytest.fixture(scope="module")
def ladder(accuracies: dict[Coalition, list[float]]) -> tuple[Rung, ...]:
    return climb(ORDER, accuracies)


def test_steps_are_paired_t_tests_with_holm_over_the_ladder(ladder, accuracies) -> None:
    values = list(accuracies.values())
    tests = [stats.ttest_rel(after, before) for before, after in pairwise(values)]
    holm = multipletests([test.pvalue for test in tests], method="holm")[1]
    for rung, test, p in zip(ladder, tests, holm, strict=True):
        interval = test.confidence_interval(0.95)
        assert rung.p == pytest.approx(test.pvalue)
        assert rung.p_holm == pytest.approx(p)
        assert (rung.difference.low, rung.difference.high) == (
            pytest.approx(interval.low),
            pytest.approx(interval.high),
        )
        assert rung.separable == (p < 0.05)


def test_the_ladder_tells_what_is_there_from_what_is_not(ladder) -> None:
    assert [rung.factor for rung in ladder] == list(ORDER)
    assert [rung.separable for rung in ladder] == [True, False, True]
    assert ladder[0].seeds_needed is None
    assert ladder[1].seeds_needed is None or ladder[1].seeds_needed > 6


def test_steps_telescope(ladder, accuracies) -> None:
    values = list(accuracies.values())
    total = sum(values[-1]) / 6 - sum(values[0]) / 6
    assert sum(rung.difference.mean for rung in ladder) == pytest.approx(total, abs=1e-12)
    assert ladder[-1].accuracy.mean == pytest.approx(sum(values[-1]) / 6)


def test_one_seed_gives_steps_without_p() -> None:
    rungs = climb(("a", "b"), dict(zip(path(("a", "b")), ([0.1], [0.4], [0.3]), strict=True)))
    assert [round(rung.difference.mean, 9) for rung in rungs] == [0.3, -0.1]
    assert all(rung.p is None and rung.p_holm is None and not rung.separable for rung in rungs)


def test_no_factor_gives_no_rung() -> None:
    assert climb((), {frozenset(): [0.5, 0.6]}) == ()


def test_equal_steps_are_not_taken_for_free_of_noise_below_the_resolution() -> None:
    steps = {frozenset(): [0.5, 0.6], frozenset({"a"}): [0.51, 0.61]}
    (sure,), (careful,) = climb(("a",), steps), climb(("a",), steps, resolution=0.01)
    assert sure.p == 0
    assert careful.p is not None
    assert careful.p > 0.2


def test_the_correction_leaves_out_what_is_not_known() -> None:
    known = [0.04, 0.001, 0.02]
    first, missing, second, third = corrected([known[0], None, *known[1:]])
    assert missing is None
    assert [first, second, third] == pytest.approx(multipletests(known, method="holm")[1])
