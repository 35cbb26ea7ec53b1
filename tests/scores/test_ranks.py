from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from rd3.scores.ranks import rank_intervals

tables = st.integers(2, 5).flatmap(
    lambda n: st.dictionaries(
        st.sampled_from("abcdef"),
        st.lists(st.integers(0, 400).map(lambda k: k / 400), min_size=n, max_size=n, unique=True),
        min_size=1,
    )
)


def by_oracle(cells: dict[str, list[float]]) -> dict[str, tuple[int, int]]:
    """Rank intervals with scipy's paired t-test and statsmodels' Holm."""
    pairs = list(combinations(cells, 2))
    different = [np.ptp(np.subtract(cells[a], cells[b])) > 1e-9 for a, b in pairs]
    assert all(different)
    p_values = [stats.ttest_rel(cells[a], cells[b]).pvalue for a, b in pairs]
    rejected = multipletests(p_values, method="holm")[0] if pairs else []
    better = dict.fromkeys(cells, 0)
    worse = dict.fromkeys(cells, 0)
    for (a, b), significant in zip(pairs, rejected, strict=True):
        if significant:
            high, low = (a, b) if np.mean(cells[a]) > np.mean(cells[b]) else (b, a)
            worse[high] += 1
            better[low] += 1
    return {name: (1 + better[name], len(cells) - worse[name]) for name in cells}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spread", [0.002, 0.02])
def test_the_ranks_left_open_are_those_of_all_paired_tests(seed: int, spread: float) -> None:
    generator = np.random.default_rng(seed)
    shared = generator.normal(0, 0.05, 5)  # what a seed does to all methods: pairing takes it out
    cells = {name: list(0.5 + 0.01 * i + shared + generator.normal(0, spread, 5)) for i, name in enumerate("abcde")}
    found = rank_intervals(cells)
    assert {name: (rank.low, rank.high) for name, rank in found.items()} == by_oracle(cells)
    order = sorted(cells, key=lambda name: -float(np.mean(cells[name])))
    assert [found[name].value for name in order] == [1, 2, 3, 4, 5]


def test_well_apart_methods_have_one_rank_each_and_one_seed_leaves_all_open() -> None:
    cells = {name: [0.1 * i + noise for noise in (0.0, 0.001, 0.003)] for i, name in enumerate("abc")}
    assert [(r.low, r.high) for r in rank_intervals(cells, resolution=1e-4).values()] == [(1, 1), (2, 2), (3, 3)]
    single = rank_intervals({name: values[:1] for name, values in cells.items()})
    assert [(r.value, r.low, r.high) for r in single.values()] == [(1, 1, 3), (2, 1, 3), (3, 1, 3)]


@settings(max_examples=60)
@given(tables)
def test_the_place_is_always_among_the_ranks_left_open(cells: dict[str, list[float]]) -> None:
    found = rank_intervals(cells)
    assert sorted(rank.value for rank in found.values()) == list(range(1, len(cells) + 1))
    assert all(1 <= rank.low <= rank.value <= rank.high <= len(cells) for rank in found.values())


def test_cells_that_share_no_seed_rule_out_nothing_of_each_other() -> None:
    cells = {"a": {0: 0.9, 1: 0.91}, "b": {2: 0.1, 3: 0.12}}
    assert [(r.low, r.high) for r in rank_intervals(cells).values()] == [(1, 2), (1, 2)]


def test_all_ranks_are_covered_together_by_alpha() -> None:
    """Four methods of which three are equal: some true rank is missed in at most 5 % of repetitions."""
    generator = np.random.default_rng(0)
    missed, repetitions = 0, 400
    for _ in range(repetitions):
        values = generator.normal(0.5, 0.01, (4, 6)) + np.array([[0.03], [0], [0], [0]])
        found = rank_intervals(dict(zip("abcd", values.tolist(), strict=True)))
        open_to_all = all(found[name].low <= 2 and found[name].high == 4 for name in "bcd")
        missed += not (found["a"].low == 1 and open_to_all)
    assert missed / repetitions < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / repetitions)


def test_seeds_of_one_draw_are_one_witness() -> None:
    """Twelve seeds on two draws: a difference that all seeds agree on is still seen in two syntheses only."""
    noise = np.random.default_rng(0).normal(0, 1e-3, 12)
    cells = {"method": dict(enumerate(0.6 + noise)), "random": dict.fromkeys(range(12), 0.5)}
    draws = {"method": {r: r % 2 for r in range(12)}, "random": {r: r for r in range(12)}}
    assert rank_intervals(cells)["method"].high == 1
    two = rank_intervals(cells, draws=draws, resolution=0.05)["method"]
    assert (two.value, two.high) == (1, 2)
