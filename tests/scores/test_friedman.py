"""Friedman and Nemenyi against scipy, scikit-posthocs and Demsar's published tables."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy import stats

from rd3.base.errors import UserError
from rd3.scores.friedman import cells_needed, critical_difference, mean_ranks

# Demsar (2006), table 6: area under the curve of four trees on 14 data sets.
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
TREES = [
    (0.763, 0.768, 0.771, 0.798),
    (0.599, 0.591, 0.590, 0.569),
    (0.954, 0.971, 0.968, 0.967),
    (0.628, 0.661, 0.654, 0.657),
    (0.882, 0.888, 0.886, 0.898),
    (0.936, 0.931, 0.916, 0.931),
    (0.661, 0.668, 0.609, 0.685),
    (0.583, 0.583, 0.563, 0.625),
    (0.775, 0.838, 0.866, 0.875),
    (1.000, 1.000, 1.000, 1.000),
    (0.940, 0.962, 0.965, 0.962),
    (0.619, 0.666, 0.614, 0.669),
    (0.972, 0.981, 0.97501, 0.975),  # printed as 0.975 twice, but with the ranks 2 and 3
    (0.957, 0.978, 0.946, 0.970),
]
# Table 5(a): the critical values of the two-tailed Nemenyi test at 0.05 and 0.10, for 2 to 10 methods.
Q = {
    0.05: (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164),
    0.10: (1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920),
}


def cells_of(values: np.ndarray) -> list[dict[str, float]]:
    return [dict(zip("abcdefghij", map(float, row), strict=False)) for row in values]


def test_the_published_example_is_reproduced() -> None:
    found = mean_ranks([dict(zip(NAMES, row, strict=True)) for row in TREES], alpha=0.10)
    ties = 60 + 3 * 6  # one data set with all four tied and three with a pair: sum of t^3 - t
    assert found.statistic * (1 - ties / (14 * 60)) == pytest.approx(9.28, abs=5e-3), "published uncorrected"
    published = {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}
    assert dict(zip(found.methods, found.mean_ranks, strict=True)) == pytest.approx(published, abs=5e-4)
    assert critical_difference(4, 14, alpha=0.05) == pytest.approx(1.25, abs=5e-3)
    assert found.critical_difference == pytest.approx(1.12, abs=5e-3)
    # At 0.10 "m+cf" differs from the plain tree alone, and so does "m": 3.143 - 2.000 = 1.143 > 1.12.
    assert found.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


@pytest.mark.parametrize("alpha", Q)
def test_the_critical_values_are_the_published_ones(alpha: float) -> None:
    for methods, expected in enumerate(Q[alpha], start=2):
        per_cell = np.sqrt(methods * (methods + 1) / 6)
        assert critical_difference(methods, 1, alpha=alpha) / per_cell == pytest.approx(expected, abs=1.1e-3)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(("count", "methods"), [(4, 3), (12, 5)])
def test_the_statistic_is_scipys(count: int, methods: int, ties: bool) -> None:
    values = np.random.default_rng(count).normal(size=(count, methods)) + 0.4 * np.arange(methods)
    values = np.round(values) if ties else values
    found = mean_ranks(cells_of(values))
    oracle = stats.friedmanchisquare(*values.T)
    assert (found.statistic, found.p) == pytest.approx((oracle.statistic, oracle.pvalue))


@pytest.mark.parametrize("seed", range(3))
def test_pairs_differ_where_scikit_posthocs_says_so(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=(15, 5)) + 0.5 * np.arange(5)
    found = mean_ranks(cells_of(values))
    p_values = posthoc_nemenyi_friedman(pd.DataFrame(values, columns=list("abcde")))
    assert found.p < 0.05
    together = {frozenset(pair) for group in found.groups for pair in itertools.combinations(group, 2)}
    for one, other in itertools.combinations("abcde", 2):
        assert (frozenset((one, other)) in together) == (p_values.loc[one, other] > 0.05)
    assert 0 < len(together) < 10, "the case is chosen so that some pairs differ and some do not"


def test_two_methods_are_tested_too() -> None:
    found = mean_ranks([{"a": 0.6, "b": 0.5}] * 5)
    assert found.p == pytest.approx(stats.chi2.sf(5, 1))
    assert found.groups == (("a",), ("b",))


def test_where_friedman_does_not_reject_all_are_one_group() -> None:
    found = mean_ranks([{"a": 0.6, "b": 0.5, "c": 0.4}, {"a": 0.4, "b": 0.5, "c": 0.6}])
    assert found.p == 1
    assert found.groups == (("a", "b", "c"),)
    assert mean_ranks([{"a": 0.5, "b": 0.5}] * 3).p == 1


@pytest.mark.parametrize("methods", [2, 3, 5, 8, 20])
def test_with_one_cell_less_not_even_the_first_and_the_last_could_differ(methods: int) -> None:
    needed = cells_needed(methods)
    assert critical_difference(methods, needed) <= methods - 1 < critical_difference(methods, needed - 1)
    always = {f"{place:02d}": -float(place) for place in range(methods)}
    assert mean_ranks([always] * needed).decidable
    assert not mean_ranks([always] * (needed - 1)).decidable


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "no cells"),
        ([{"a": 0.5}], "at least two methods"),
        ([{"a": 0.5, "b": 0.5}, {"a": 0.5}], "the same methods in every cell"),
    ],
)
def test_what_cannot_be_ranked_is_refused(cells: list[dict[str, float]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        mean_ranks(cells)
