from __future__ import annotations

from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rd3.base.errors import UserError
from rd3.scores import compare, seeds_needed
from rd3.scores.ranking import in_order

CELLS = {
    "random": [0.300, 0.310, 0.305, 0.295, 0.302],
    "herding": [0.340, 0.352, 0.344, 0.338, 0.341],
    "dm": [0.342, 0.350, 0.346, 0.339, 0.344],
    "noise": [0.120, 0.110, 0.115, 0.109, 0.118],
}
cells = st.integers(2, 6).flatmap(
    lambda n: st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.integers(0, 50).map(lambda k: k / 50), min_size=n, max_size=n),
        min_size=2,
    )
)


def test_comparisons_carry_the_paired_p_and_its_holm_adjustment() -> None:
    made = compare(CELLS, reference="random")
    oracle = [stats.ttest_rel(CELLS[each.name], CELLS["random"]).pvalue for each in made]
    assert [each.name for each in made] == ["dm", "herding", "noise"]
    assert [each.p for each in made] == pytest.approx(oracle)
    assert [each.p_holm for each in made] == pytest.approx(multipletests(oracle, method="holm")[1])
    assert all(each.separable and each.seeds_needed is None for each in made)
    assert [each.p_sign_flip for each in made] == [2 / 2**5] * 3, "all five seeds agree"
    deviations = [np.std(np.subtract(CELLS[each.name], CELLS["random"]), ddof=1) for each in made]
    assert [each.deviation for each in made] == pytest.approx(deviations)
    assert [(each.n, each.units, each.draws_of) for each in made] == [(5, 5, ())] * 3


def test_close_methods_are_not_separable_and_say_how_many_seeds_it_takes() -> None:
    herding = next(each for each in compare(CELLS, reference="dm") if each.name == "herding")
    assert not herding.separable
    assert herding.seeds_needed is not None
    assert str(herding) == f"herding against dm: not separable with 5 seeds; needs about {herding.seeds_needed}"


SEEDS = {
    "method": {0: 0.61, 1: 0.64, 2: 0.62, 3: 0.66, 4: 0.60, 5: 0.65},
    "random": {0: 0.55, 1: 0.54, 2: 0.57, 3: 0.55, 4: 0.53, 5: 0.56},
}
SUBSETS = {r: ("subset", r) for r in range(6)}


def test_seeds_that_share_a_draw_are_averaged_before_they_are_paired() -> None:
    draws = {"method": {r: r % 3 for r in range(6)}, "random": SUBSETS}
    (made,) = compare(SEEDS, reference="random", draws=draws)
    means = [[fmean((side[d], side[d + 3])) for d in range(3)] for side in (SEEDS["method"], SEEDS["random"])]
    oracle = stats.ttest_rel(*means)
    assert made.p == pytest.approx(oracle.pvalue)
    assert (made.difference.low, made.difference.high) == pytest.approx(tuple(oracle.confidence_interval()))
    assert made.p_sign_flip == 2 / 2**3
    assert (made.n, made.units, made.draws_of) == (6, 3, ("method", "random"))


def test_one_synthesis_is_compared_over_seeds_and_the_other_sides_draws() -> None:
    (made,) = compare(SEEDS, reference="random", draws={"method": dict.fromkeys(range(6), "one"), "random": SUBSETS})
    oracle = stats.ttest_rel(list(SEEDS["method"].values()), list(SEEDS["random"].values()))
    assert made.p == pytest.approx(oracle.pvalue)
    assert (made.units, made.draws_of) == (6, ("random",))


def test_draws_that_cannot_be_told_from_each_other_leave_the_seeds() -> None:
    """Pairs of draws overlap like a chain, so no two groups of seeds are independent of each other."""
    draws = {"method": {r: r // 2 for r in range(6)}, "random": {r: (r + 1) // 2 for r in range(6)}}
    (made,) = compare(SEEDS, reference="random", draws=draws)
    assert (made.units, made.draws_of) == (6, ())


def test_what_is_needed_keeps_the_seeds_a_draw() -> None:
    cells = {"method": {0: 0.56, 1: 0.57, 2: 0.52, 3: 0.55}, "random": dict.fromkeys(range(4), 0.54)}
    draws = {"method": {r: r % 2 for r in range(4)}}
    (made,) = compare(cells, reference="random", draws=draws, resolution=0.01)
    differences = [0.0, 0.02]
    needed = seeds_needed(fmean(differences), stdev(differences))
    assert needed is not None
    assert made.seeds_needed == 2 * needed
    assert str(made).endswith(f"not separable with 4 seeds in 2 draws; needs about {2 * needed} in {needed}")


def test_every_draw_counts_equally_in_the_order() -> None:
    cells = {"a": {0: 0.9, 1: 0.1, 2: 0.1}, "b": {0: 0.4, 1: 0.4, 2: 0.4}}
    assert in_order(cells) == ["b", "a"]
    assert in_order(cells, {"a": {0: "x", 1: "y", 2: "y"}}) == ["a", "b"]


def test_one_seed_separates_nothing() -> None:
    (made,) = compare({"a": [0.9], "b": [0.1]}, reference="a")
    assert (made.p, made.p_holm, made.separable, made.seeds_needed) == (None, None, False, None)
    assert str(made).endswith("not separable with 1 seed; needs at least 2")


def test_equal_cells_are_not_separable_by_any_number_of_seeds() -> None:
    (made,) = compare({"a": [0.5, 0.6], "b": [0.5, 0.6]}, reference="a")
    assert made.p_holm == 1
    assert str(made).endswith("needs more than 10,000")


@given(cells)
def test_what_is_not_separable_needs_more_seeds_than_it_had(drawn: dict[str, list[float]]) -> None:
    reference = sorted(drawn)[0]
    for made in compare(drawn, reference=reference):
        assert made.separable == (made.p_holm is not None and made.p_holm < 0.05)
        assert made.seeds_needed is None or made.seeds_needed > made.difference.n


def test_cells_that_cannot_be_paired_are_refused() -> None:
    with pytest.raises(UserError, match="'a' has 2 and 'b' 1 replicates"):
        compare({"a": [0.5, 0.6], "b": [0.5]}, reference="b")
    with pytest.raises(UserError, match="unknown cell 'radnom'; did you mean 'random'"):
        compare(CELLS, reference="radnom")
    with pytest.raises(UserError, match="'a' has no accuracies"):
        compare({"a": []}, reference="a")
