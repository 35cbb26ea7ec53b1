from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rd3.base.errors import UserError
from rd3.scores import SubAccuracies, ars, hlr, ior, lrs, score_cell, score_replicates, t_interval
from rd3.scores.definitions import normalised

fractions = st.floats(0, 1)
differences = st.floats(-1, 1)

# HLR, IOR, LRS: DD-Ranking's leaderboard rows (CIFAR-10, as published) and the ends of the scale, w = 0.5
GOLDEN_LRS = [
    (0, 0, 0.268941),
    (0.2373, 0.3090, 0.284471),
    (0.1652, 0.2052, 0.277536),
    (0.2684, 0.3505, 0.286770),
    (0.5266, 0.1240, 0.191366),
    (0.6986, -0.0027, 0.143103),
    (0.6782, -0.0577, 0.137965),
    (0.3988, 0.0912, 0.208289),
    (0.8000, 0, 0.128676),
    (0, 0.5000, 0.389783),
    (1, -1, 0.0),
    (-1, 1, 1.0),
]
GOLDEN_ARS = [
    (0, 0, 0.268941),
    (0.10, 0.04, 0.299791),
    (0.3505, 0.10, 0.376428),
    (-0.05, -0.20, 0.218949),
    (0.25, 0.15, 0.363139),
    (0.02, -0.02, 0.268941),
    (1, 1, 1.0),
    (-1, -1, 0.0),
]
GOLDEN_WEIGHTS = [(0, 0.179065), (0.25, 0.228175), (0.5, 0.284471), (0.75, 0.349005), (1, 0.422984)]


@pytest.mark.parametrize(("loss", "gain", "expected"), GOLDEN_LRS)
def test_lrs_has_its_golden_values(loss: float, gain: float, expected: float) -> None:
    assert lrs(loss, gain) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("augmented", "plain", "expected"), GOLDEN_ARS)
def test_ars_has_its_golden_values(augmented: float, plain: float, expected: float) -> None:
    assert ars(augmented, plain) == pytest.approx(expected, abs=5e-7)


@pytest.mark.parametrize(("w", "expected"), GOLDEN_WEIGHTS)
def test_the_weight_sweep_has_its_golden_values(w: float, expected: float) -> None:
    assert lrs(0.2373, 0.3090, w=w) == pytest.approx(expected, abs=5e-7)


def percent_formula(loss: float, gain: float) -> float:
    return (math.exp(0.5 * gain - 0.5 * loss) - math.exp(-1)) / (math.e - math.exp(-1))


@pytest.mark.parametrize(
    ("loss", "gain", "wrong"), [(23.73, 30.90, 15.182710), (26.84, 35.05, 25.644488), (80, 0, -0.156518)]
)
def test_percent_numbers_would_leave_the_range_and_are_refused(loss: float, gain: float, wrong: float) -> None:
    assert percent_formula(loss, gain) == pytest.approx(wrong, abs=5e-7)
    with pytest.raises(UserError, match=r"must be a fraction in \[-1, 1\]; is it in percent\? Divide by 100"):
        lrs(loss, gain)


def test_accuracies_in_percent_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"whole_hard = 84\.5: must be a fraction in \[0, 1\]; is it in percent"):
        hlr(whole_hard=84.5, synthetic_hard=0.3)
    with pytest.raises(UserError, match=r"random_own = -0\.1"):
        ior(synthetic_own=0.5, random_own=-0.1)
    with pytest.raises(UserError, match=r"w = 2: must be a fraction in \[0, 1\]$"):
        lrs(0.1, 0.1, w=2)
    with pytest.raises(UserError, match="synthetic_hard = nan"):
        hlr(whole_hard=0.5, synthetic_hard=math.nan)


@given(differences, differences, fractions)
def test_scores_stay_in_the_unit_interval(first: float, second: float, weight: float) -> None:
    assert 0 <= lrs(first, second, w=weight) <= 1
    assert 0 <= ars(first, second, gamma=weight) <= 1


@given(differences, differences, differences)
def test_lrs_rises_with_ior_and_falls_with_hlr(fixed: float, one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert lrs(fixed, low) <= lrs(fixed, high)
    assert lrs(low, fixed) >= lrs(high, fixed)


def test_the_slope_at_zero_is_the_published_one() -> None:
    step = 1e-6
    assert (normalised(step) - normalised(-step)) / (2 * step) == pytest.approx(0.425459, abs=5e-7)


PARTS = ("whole_hard", "synthetic_hard", "synthetic_own", "random_own", "synthetic_plain", "random_plain")


def accuracies(*columns: list[float]) -> SubAccuracies:
    """Columns of numbers, one a part, position k being replicate k."""
    return SubAccuracies(**{name: dict(enumerate(column)) for name, column in zip(PARTS, columns, strict=False)})


@given(st.lists(st.tuples(fractions, fractions, fractions, fractions), min_size=1, max_size=6))
def test_each_replicate_is_scored_from_its_own_accuracies(rows: list[tuple[float, ...]]) -> None:
    scores = score_replicates(accuracies(*(list(column) for column in zip(*rows, strict=True))))
    for index, (whole, hard, own, random) in enumerate(rows):
        assert scores["hlr"][index] == whole - hard
        assert scores["ior"][index] == own - random
        assert scores["lrs"][index] == lrs(whole - hard, own - random)
    assert scores["ars"] == {}


def spread(seed: int, centre: float) -> list[float]:
    return list(map(float, np.random.default_rng(seed).normal(centre, 0.03, 5)))


def test_the_mean_of_scores_differs_from_the_score_of_means_by_the_curvature_only() -> None:
    parts = accuracies(*(spread(seed, centre) for seed, centre in enumerate([0.85, 0.6, 0.65, 0.3, 0.5, 0.3])))
    scores, replicates = score_cell(parts), score_replicates(parts)
    assert scores.lrs is not None
    assert scores.hlr is not None
    assert scores.ior is not None
    alphas = (np.array(list(replicates["ior"].values())) - np.array(list(replicates["hlr"].values()))) / 2
    curvature = math.exp(alphas.mean()) / (math.e - 1 / math.e)  # second derivative of the normalisation
    gap = scores.lrs.mean - lrs(scores.hlr.mean, scores.ior.mean)
    assert gap == pytest.approx(curvature / 2 * alphas.var(), abs=1e-5)
    assert 0 < gap < 5e-4
    assert scores.lrs.n == 5
    assert scores.ars is not None


def test_a_cell_has_the_intervals_of_its_replicates() -> None:
    parts = accuracies([0.8, 0.82], [0.5, 0.51], [0.6, 0.62], [0.3, 0.31], [0.55, 0.5], [0.25, 0.3])
    scores = score_cell(parts, w=0.25, gamma=0.75, confidence=0.9)
    assert scores.hlr == t_interval([0.8 - 0.5, 0.82 - 0.51], confidence=0.9)
    assert scores.ars == t_interval(
        [ars(0.6 - 0.3, 0.55 - 0.25, gamma=0.75), ars(0.62 - 0.31, 0.5 - 0.3, gamma=0.75)], confidence=0.9
    )


def test_what_was_not_run_leaves_only_the_scores_that_need_it_out() -> None:
    own = {"synthetic_own": {0: 0.6, 1: 0.6}, "random_own": {0: 0.3, 1: 0.4}}
    scores = score_cell(SubAccuracies(**own))
    assert scores.ior is not None
    assert (scores.hlr, scores.lrs, scores.ars) == (None, None, None)


def test_only_replicates_that_all_parts_have_are_scored() -> None:
    parts = SubAccuracies(
        whole_hard={0: 0.9, 1: 0.9, 2: 0.9},
        synthetic_hard={1: 0.5, 2: 0.6},
        synthetic_own={0: 0.6, 2: 0.7},
        random_own={0: 0.3, 2: 0.4},
    )
    found = score_replicates(parts)
    assert {name: sorted(values) for name, values in found.items()} == {
        "hlr": [1, 2],
        "ior": [0, 2],
        "lrs": [2],
        "ars": [],
    }


def test_percent_in_place_of_fractions_is_refused() -> None:
    with pytest.raises(UserError, match=r"synthetic_own = 60\.0.*percent"):
        score_cell(SubAccuracies(synthetic_own={0: 60.0}, random_own={0: 0.3}))
