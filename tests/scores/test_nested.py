"""Draws and seeds against scipy's and statsmodels' analyses of variance, and against the coverage that theory gives."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rd3.base.errors import UserError
from rd3.scores.intervals import t_interval
from rd3.scores.nested import by_draw, independent, nested

SIZES = [(3, 2), (5, 4), (2, 5)]


def drawn(draws: int, seeds: int, *, between: float = 0.02, within: float = 0.01, seed: int = 0) -> list[list[float]]:
    generator = np.random.default_rng(seed)
    effects = generator.normal(0.5, between, (draws, 1))
    return (effects + generator.normal(0, within, (draws, seeds))).tolist()


@pytest.mark.parametrize(("draws", "seeds"), SIZES)
def test_the_variances_are_those_of_the_analysis_of_variance(draws: int, seeds: int) -> None:
    groups = drawn(draws, seeds, seed=draws)
    found = nested(groups)
    assert found.within == pytest.approx(np.var(groups, axis=1, ddof=1).mean())
    assert found.between is not None
    assert found.within is not None
    ratio = (found.within + seeds * found.between) / found.within
    assert found.between > 0, "the case is chosen so that nothing is cut at 0"
    assert ratio == pytest.approx(stats.f_oneway(*groups).statistic)


def test_balanced_variances_are_those_of_restricted_maximum_likelihood() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    groups = drawn(6, 4, seed=1)
    found = nested(groups)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = MixedLM(100 * np.ravel(groups), np.ones(24), groups=np.repeat(np.arange(6), 4)).fit(reml=True)
    assert found.within == pytest.approx(fit.scale / 1e4, rel=1e-3)
    assert found.between == pytest.approx(float(np.asarray(fit.cov_re)[0, 0]) / 1e4, rel=1e-3)


@pytest.mark.parametrize(("draws", "seeds"), SIZES)
def test_the_interval_over_draws_and_seeds_is_scipys_of_the_draw_means(draws: int, seeds: int) -> None:
    groups = drawn(draws, seeds, seed=draws)
    means = np.mean(groups, axis=1)
    low, high = stats.t.interval(0.95, draws - 1, loc=means.mean(), scale=stats.sem(means))
    found = nested(groups)
    assert (found.interval.mean, found.interval.low, found.interval.high) == pytest.approx((means.mean(), low, high))
    assert (found.covers, found.draws, found.seeds) == ("draws and seeds", draws, draws * seeds)


def test_the_interval_given_the_draws_is_that_of_a_fixed_effects_regression() -> None:
    from statsmodels.regression.linear_model import OLS

    groups = [[0.50, 0.52, 0.51], [0.56, 0.58], [0.44, 0.47, 0.45, 0.46]]  # unbalanced too
    columns = np.repeat(np.eye(3), [3, 2, 4], axis=0)
    test = OLS(np.concatenate(groups), columns).fit().t_test(np.full(3, 1 / 3))
    found = nested(groups).given_draws
    assert found is not None
    assert found.mean == pytest.approx(np.mean([np.mean(group) for group in groups]))
    assert (found.low, found.high) == pytest.approx(tuple(test.conf_int()[0]))


def test_one_draw_covers_seeds_only() -> None:
    found = nested([[0.5, 0.52, 0.51]])
    assert found.interval == t_interval([0.5, 0.52, 0.51])
    assert (found.covers, found.given_draws, found.between) == ("seeds", None, None)
    assert found.within == pytest.approx(1e-4)


def test_one_seed_a_draw_is_the_ordinary_interval_and_tells_no_variances_apart() -> None:
    found = nested([[0.5], [0.52], [0.51]])
    assert found.interval == t_interval([0.5, 0.52, 0.51])
    assert (found.covers, found.given_draws, found.between, found.within) == ("draws and seeds", None, None, None)


def test_a_single_value_covers_nothing() -> None:
    assert (nested([[0.5]]).covers, nested([[0.5]]).interval.low) == (None, None)


def test_a_variance_between_draws_is_never_negative() -> None:
    assert nested([[0.1, 0.9], [0.9, 0.1]]).between == 0


def test_an_unbalanced_variance_between_draws_is_unbiased_over_all_its_outcomes() -> None:
    # Two-point effects and errors make the expectation a finite sum; uncut values are needed for it, so the effects are
    # large enough that no outcome with different effects is cut, and those with equal ones are worked out by formula.
    sizes, effect, error = (1, 3), 10.0, 0.1
    outcomes = []
    for effects in itertools.product((-effect, effect), repeat=2):
        for errors in itertools.product((-error, error), repeat=4):
            parts = iter(errors)
            outcomes.append([[e + next(parts) for _ in range(n)] for e, n in zip(effects, sizes, strict=True)])
    mean = np.mean([nested(groups).between for groups in outcomes])
    typical = 4 - (1 + 9) / 4
    cut = [_uncut(groups, typical) for groups in outcomes]
    assert np.mean(cut) == pytest.approx(effect**2)
    assert mean == pytest.approx(np.mean(np.maximum(cut, 0)))


def _uncut(groups: list[list[float]], typical: float) -> float:
    """(MS between - MS within) / n_0 by scipy's F, which is their ratio."""
    within = sum(np.sum((np.array(g) - np.mean(g)) ** 2) for g in groups) / 2
    values = np.concatenate(groups)
    between = sum(len(g) * (np.mean(g) - values.mean()) ** 2 for g in groups)
    return float(between - within) / typical


def test_draws_without_values_are_refused() -> None:
    with pytest.raises(UserError, match="every draw needs at least one"):
        nested([[0.5], []])
    with pytest.raises(UserError, match="every draw needs at least one"):
        nested([])


def test_coverage_is_what_theory_says() -> None:
    """With variances in ratio r and m seeds a draw, t of the seeds is sqrt(1 + m r) times too large."""
    draws, seeds, between, within, repetitions = 4, 3, 0.02, 0.02, 2500
    both = given = 0
    for seed in range(repetitions):
        found = nested(drawn(draws, seeds, between=between, within=within, seed=seed))
        assert found.given_draws is not None
        both += _covers(found.interval, 0.5)
        given += _covers(found.given_draws, 0.5)
    freedom = draws * seeds - draws
    critical = stats.t.ppf(0.975, freedom) / math.sqrt(1 + seeds * (between / within) ** 2)
    expected = stats.t.cdf(critical, freedom) - stats.t.cdf(-critical, freedom)
    assert expected < 0.75, "the case is chosen so that the seeds alone cover far too little"
    error = 4 / math.sqrt(repetitions)  # four standard errors of a share, with its standard deviation below
    assert abs(both / repetitions - 0.95) < error * math.sqrt(0.95 * 0.05)
    assert abs(given / repetitions - expected) < error * math.sqrt(expected * (1 - expected))


def _covers(interval: object, value: float) -> bool:
    return bool(interval.low <= value <= interval.high)  # type: ignore[attr-defined]


maps = st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), max_size=3)


@given(maps, st.integers(1, 6))
def test_groups_share_no_draw_and_none_could_be_split(sides: list[list[int]], count: int) -> None:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    varying = [side[:count] for side in sides if len(set(side[:count])) > 1]
    groups = independent(range(count), [dict(enumerate(side)) for side in sides])
    if not varying:
        assert groups == [list(range(count))]
        return
    tied = [(i, j) for i in range(count) for j in range(count) if any(side[i] == side[j] for side in varying)]
    graph = coo_matrix((np.ones(len(tied)), np.transpose(tied)), shape=(count, count))
    labels = connected_components(graph)[1]
    assert groups == sorted([i for i in range(count) if labels[i] == label] for label in set(labels))


def test_values_follow_their_draws() -> None:
    values = {0: 0.5, 1: 0.6, 2: 0.7, 3: 0.8}
    assert by_draw(values, {r: r % 2 for r in values}) == [[0.5, 0.7], [0.6, 0.8]]
    assert by_draw(values) == [[0.5, 0.6, 0.7, 0.8]]
