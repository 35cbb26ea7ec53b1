from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from rd3.base.errors import UserError
from rd3.scores import detectable_difference, holm, paired_difference, seeds_needed, separability, t_interval
from rd3.scores.intervals import Interval, sign_flip_p

accuracies = st.integers(0, 10_000).map(lambda correct: correct / 10_000)
p_values = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def drawn(seed: int, n: int, shift: float = 0.0) -> list[float]:
    return list(map(float, np.random.default_rng(seed).normal(0.5 + shift, 0.01, n)))


@pytest.mark.parametrize("n", [2, 3, 5, 30])
@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_the_t_interval_is_scipys(n: int, confidence: float) -> None:
    values = drawn(n, n)
    low, high = stats.t.interval(confidence, n - 1, loc=np.mean(values), scale=stats.sem(values))
    ours = t_interval(values, confidence=confidence)
    assert (ours.mean, ours.low, ours.high) == pytest.approx((np.mean(values), low, high), abs=1e-12)
    assert ours.half_width == pytest.approx((high - low) / 2)


def test_one_value_has_a_mean_and_no_interval() -> None:
    assert t_interval([0.7]) == Interval(mean=0.7, low=None, high=None, n=1)
    assert t_interval([0.7]).half_width is None


@pytest.mark.parametrize(
    ("values", "confidence", "message"),
    [([], 0.95, "no values"), ([0.5, math.nan], 0.95, "value nan"), ([0.5, 0.6], 95, "confidence = 95")],
)
def test_what_has_no_interval_is_refused_in_one_line(values: list[float], confidence: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        t_interval(values, confidence=confidence)


@pytest.mark.parametrize("n", [2, 3, 5, 20, 40])
@pytest.mark.parametrize("shift", [0.0, 0.01, 0.2])
def test_the_paired_difference_is_scipys(n: int, shift: float) -> None:
    first, second = drawn(1, n, shift), drawn(2, n)
    ours, oracle = paired_difference(first, second), stats.ttest_rel(first, second)
    assert ours.p == pytest.approx(oracle.pvalue, rel=1e-9)
    low, high = oracle.confidence_interval()
    assert (ours.interval.low, ours.interval.high) == pytest.approx((low, high), abs=1e-12)
    assert (ours.p_sign_flip is None) == (n > 20)


def test_differences_without_spread_are_certain_or_nothing() -> None:
    assert paired_difference([0.5, 0.6, 0.7], [0.5, 0.6, 0.7]).p == 1
    assert paired_difference([0.3, 0.7], [0.1 + 0.2, 0.7]).p == 1, "float noise is no difference"
    assert paired_difference([0.5, 0.6, 0.7], [0.4, 0.5, 0.6]).p == 0, "constant up to float noise"


def test_one_pair_has_a_difference_and_no_p() -> None:
    difference = paired_difference([0.7], [0.6])
    assert difference.interval.mean == pytest.approx(0.1)
    assert difference.p is None
    assert difference.deviation is None
    assert difference.p_sign_flip == 1


def test_lists_of_different_lengths_are_not_pairs() -> None:
    with pytest.raises(UserError, match="equally many values: 2 against 3"):
        paired_difference([0.1, 0.2], [0.1, 0.2, 0.3])


@given(st.lists(st.tuples(accuracies, accuracies), min_size=1, max_size=8))
def test_the_sign_flip_p_is_the_enumerated_one(pairs: list[tuple[float, float]]) -> None:
    differences = [a - b for a, b in pairs]
    patterns = itertools.product([1, -1], repeat=len(differences))
    sums = [abs(sum(sign * value for sign, value in zip(signs, differences, strict=True))) for signs in patterns]
    expected = np.mean([value >= abs(sum(differences)) - 1e-9 for value in sums])
    assert sign_flip_p(differences) == pytest.approx(expected)


def test_the_sign_flip_p_is_scipys_permutation_test_and_has_its_floor() -> None:
    differences = np.subtract(drawn(3, 9, 0.005), drawn(4, 9))
    oracle = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(differences.tolist()) == pytest.approx(oracle.pvalue)
    assert sign_flip_p([0.1] * 20) == 2 / 2**20
    with pytest.raises(UserError, match="at most 20"):
        sign_flip_p([0.1] * 21)


@settings(max_examples=12)  # statsmodels collects garbage in every call
@given(p_values)
def test_holm_is_statsmodels(values: list[float]) -> None:
    assert holm(values) == pytest.approx(multipletests(values, method="holm")[1])


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


@pytest.mark.parametrize("effect", [0.05, 0.1, 0.3, 0.5, 1, 2, 5, 20])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("power", [0.8, 0.95])
def test_the_seeds_needed_are_the_first_with_enough_power_by_statsmodels(
    effect: float, alpha: float, power: float
) -> None:
    needed = seeds_needed(-0.01, 0.01 / effect, alpha=alpha, power=power)

    # the side that the effect is on: the other adds less than 1e-4, and underflows to nan in the oracle
    def oracle(n: int) -> float:
        return float(TTestPower().power(effect, n, alpha / 2, alternative="larger"))

    assert needed is not None
    assert oracle(needed) >= power - 1e-4
    assert needed == 2 or oracle(needed - 1) < power


def test_the_textbook_case_of_seeds_needed() -> None:
    assert seeds_needed(1.0, 2.0) == 34, "effect 0.5, alpha 0.05, power 0.8: Cohen's 34 pairs"


def test_no_number_of_seeds_separates_equal_means() -> None:
    assert seeds_needed(0.0, 0.01) is None
    assert seeds_needed(1e-6, 0.01) is None
    assert seeds_needed(0.01, 0.0) == 2
    assert seeds_needed(0.9, 1e-9) == 2


def test_the_sentence_says_what_it_would_take() -> None:
    assert separability(n=5, separable=True, needed=None) == "separable with 5 seeds"
    assert separability(n=1, separable=False, needed=None) == "not separable with 1 seed; needs at least 2"
    assert separability(n=5, separable=False, needed=None).endswith("needs more than 10,000")
    assert separability(n=6, units=2, separable=False, needed=24).endswith(
        "with 6 seeds in 2 draws; needs about 24 in 8"
    )


@pytest.mark.parametrize("n", [3, 5, 10, 40])
@pytest.mark.parametrize("alpha", [0.05, 0.005])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
def test_the_detectable_difference_is_statsmodels(n: int, alpha: float, power: float) -> None:
    # the side that the effect is on, as above
    effect = TTestPower().solve_power(nobs=n, alpha=alpha / 2, power=power, alternative="larger")
    assert detectable_difference(n, 0.8, alpha=alpha, power=power) == pytest.approx(0.8 * effect, rel=2e-4)


@given(st.integers(2, 60), st.floats(0.001, 10))
def test_seeds_needed_and_detectable_difference_are_each_others_inverse(n: int, deviation: float) -> None:
    least = detectable_difference(n, deviation)
    assert seeds_needed(least * 1.0001, deviation) == n
    more = seeds_needed(least * 0.999, deviation)
    assert more is not None
    assert more > n


def test_two_seeds_can_see_very_large_differences_only() -> None:
    assert detectable_difference(2, 1.0) > 10
    assert detectable_difference(2, 0.0) == 0
    assert math.isfinite(detectable_difference(2, 1.0, alpha=1e-6))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1, "deviation": 1.0}, "seeds = 1: a test needs at least 2"),
        ({"n": 5, "deviation": -1.0}, r"deviation = -1\.0"),
        ({"n": 5, "deviation": 1.0, "alpha": 0.0}, r"alpha = 0\.0: must lie between 0 and 1"),
        ({"n": 5, "deviation": 1.0, "power": 0.01}, r"power = 0\.01: must be above alpha"),
    ],
)
def test_what_no_test_can_do_is_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        detectable_difference(**arguments)  # type: ignore[arg-type]
