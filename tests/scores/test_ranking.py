from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rd3.base.errors import UserError
from rd3.scores import compare

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


def test_close_methods_are_not_separable_and_say_how_many_seeds_it_takes() -> None:
    herding = next(each for each in compare(CELLS, reference="dm") if each.name == "herding")
    assert not herding.separable
    assert herding.seeds_needed is not None
    assert str(herding) == f"herding against dm: not separable with 5 seeds; needs about {herding.seeds_needed}"


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
