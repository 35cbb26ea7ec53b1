"""Shapley values against closed forms, and against a plain loop over all orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import permutations
from math import comb, factorial
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rd3.scores.attribution import (
    Coalition,
    Game,
    antithetic_orders,
    balanced_pairs,
    coalitions,
    contributions,
    marginals,
    mean_marginals,
    path,
    shapley,
)

PLAYERS = ("epochs", "batch", "labels", "images")
EFFECTS = {"epochs": 0.25, "batch": 0.1, "labels": 0.04, "images": -0.06}


def game_of(players: tuple[str, ...], value: Callable[[Coalition], float]) -> Game:
    return {coalition: value(coalition) for coalition in coalitions(players)}


def additive(coalition: Coalition) -> float:
    return 0.3 + sum(EFFECTS[player] for player in coalition)


def by_definition(players: tuple[str, ...], game: Game) -> dict[str, float]:
    """The mean over all k! orders of what each player adds, as Shapley wrote it."""
    added = dict.fromkeys(players, 0.0)
    for order in permutations(players):
        for place, player in enumerate(order):
            added[player] += game[frozenset(order[: place + 1])] - game[frozenset(order[:place])]
    return {player: total / factorial(len(players)) for player, total in added.items()}


def random_game(players: tuple[str, ...], seed: int) -> Game:
    generator = random.Random(seed)
    return game_of(players, lambda _: generator.random())


def test_there_are_all_coalitions_once() -> None:
    found = coalitions(PLAYERS)
    assert len(found) == len(set(found)) == 16
    assert [sum(len(each) == size for each in found) for size in range(5)] == [comb(4, size) for size in range(5)]


def test_in_an_additive_game_everybody_gets_his_effect() -> None:
    assert shapley(PLAYERS, game_of(PLAYERS, additive)) == pytest.approx(EFFECTS, abs=1e-12)


def test_an_interaction_is_split_equally_between_those_who_make_it() -> None:
    def game(coalition: Coalition) -> float:
        return (
            additive(coalition)
            + 0.12 * ({"epochs", "batch"} <= coalition)
            - 0.09 * ({"epochs", "labels", "images"} <= coalition)
        )

    expected = {
        "epochs": 0.25 + 0.06 - 0.03,
        "batch": 0.1 + 0.06,
        "labels": 0.04 - 0.03,
        "images": -0.06 - 0.03,
    }
    assert shapley(PLAYERS, game_of(PLAYERS, game)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("right", [1, 2, 5])
def test_the_glove_game(right: int) -> None:
    """One left glove, r right ones, a pair is worth 1: the left one gets r / (r + 1) (Shapley and Shubik, 1969)."""
    players = ("left", *(f"right {number}" for number in range(right)))
    found = shapley(players, game_of(players, lambda c: float("left" in c and len(c) > 1)))
    assert found["left"] == pytest.approx(right / (right + 1))
    assert found["right 0"] == pytest.approx(1 / (right * (right + 1)))


def test_equals_get_the_same_and_an_idle_one_nothing() -> None:
    players = ("a", "b", "c", "idle")
    found = shapley(players, game_of(players, lambda c: len(c - {"idle"}) ** 2 / 10))
    assert found["a"] == pytest.approx(found["b"]) == pytest.approx(found["c"])
    assert found["idle"] == 0.0


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_the_values_are_those_of_the_definition(count: int) -> None:
    players = tuple("abcdef"[:count])
    game = random_game(players, count)
    assert shapley(players, game) == pytest.approx(by_definition(players, game), abs=1e-12)


@given(st.integers(1, 6), st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_values_add_up_to_the_difference(count: int, seed: int, pairs: int) -> None:
    players = tuple("abcdef"[:count])
    game = random_game(players, seed)
    difference = game[frozenset(players)] - game[frozenset()]
    orders = antithetic_orders(players, pairs=pairs, seed=seed)
    assert sum(shapley(players, game).values()) == pytest.approx(difference, abs=1e-12)
    assert sum(mean_marginals(players, orders, game).values()) == pytest.approx(difference, abs=1e-12)
    for order in orders:
        assert sum(marginals(order, game).values()) == pytest.approx(difference, abs=1e-12)


def test_a_path_leads_from_none_to_all_by_one_at_a_time() -> None:
    steps = path(("b", "a", "c"))
    assert steps == [frozenset(), {"b"}, {"a", "b"}, {"a", "b", "c"}]


def test_over_all_orders_the_mean_is_the_shapley_value() -> None:
    game = random_game(PLAYERS, 7)
    found = mean_marginals(PLAYERS, list(permutations(PLAYERS)), game)
    assert found == pytest.approx(shapley(PLAYERS, game), abs=1e-12)


def test_orders_come_with_their_reverses_and_depend_on_their_seed_alone() -> None:
    orders = antithetic_orders(PLAYERS, pairs=5, seed=3)
    assert len(orders) == 10
    assert all(second == first[::-1] for first, second in zip(orders[::2], orders[1::2], strict=True))
    assert orders == antithetic_orders(PLAYERS, pairs=5, seed=3) != antithetic_orders(PLAYERS, pairs=5, seed=4)


def test_every_order_is_drawn_equally_often() -> None:
    """Also where drawn orders are turned round: of 4 players two pairs come from each."""
    first, _, turned, _ = zip(*(antithetic_orders(PLAYERS, pairs=2, seed=seed) for seed in range(2400)), strict=True)
    for drawn in (first, turned):
        counts = [drawn.count(order) for order in permutations(PLAYERS)]
        assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize("count", [2, 4, 6, 8])
def test_balanced_orders_put_every_player_once_into_every_place(count: int) -> None:
    players = tuple("abcdefgh"[:count])
    orders = antithetic_orders(players, pairs=balanced_pairs(players), seed=5)
    assert len(orders) == count
    for place in range(count):
        assert {order[place] for order in orders} == set(players)


def test_one_pair_of_orders_is_exact_for_interactions_of_two() -> None:
    """In an order and its reverse each of two players comes first once, so their common effect is split equally."""
    generator = random.Random(1)
    together = {frozenset({a, b}): generator.random() for a in PLAYERS for b in PLAYERS if a < b}
    game = game_of(PLAYERS, lambda c: additive(c) + sum(value for pair, value in together.items() if pair <= c))
    orders = antithetic_orders(PLAYERS, pairs=1, seed=9)
    assert mean_marginals(PLAYERS, orders, game) == pytest.approx(shapley(PLAYERS, game), abs=1e-12)


def test_sampled_values_are_unbiased() -> None:
    game = random_game(PLAYERS, 11)
    drawn = [antithetic_orders(PLAYERS, pairs=1, seed=seed) for seed in range(2000)]
    estimates = [mean_marginals(PLAYERS, orders, game) for orders in drawn]
    exact = shapley(PLAYERS, game)
    for contribution in contributions(estimates):
        low, high = contribution.interval.low, contribution.interval.high
        assert low is not None
        assert high is not None
        assert low < exact[contribution.factor] < high
        assert high - low < 0.05


def test_values_come_in_the_players_order_however_orders_were_drawn() -> None:
    game = random_game(PLAYERS, 3)
    orders = antithetic_orders(PLAYERS, pairs=2, seed=1)
    assert orders[0] != PLAYERS
    assert list(mean_marginals(PLAYERS, orders, game)) == list(shapley(PLAYERS, game)) == list(PLAYERS)


def test_the_interval_is_the_t_interval_over_seeds() -> None:
    seeds = [{"a": value, "b": -value} for value in (0.1, 0.13, 0.11, 0.18)]
    first, second = contributions(seeds)
    low, high = stats.t.interval(0.95, 3, loc=fmean([0.1, 0.13, 0.11, 0.18]), scale=stats.sem([0.1, 0.13, 0.11, 0.18]))
    assert (first.factor, first.interval.low, first.interval.high) == ("a", pytest.approx(low), pytest.approx(high))
    assert first.seeds == (0.1, 0.13, 0.11, 0.18)
    assert first.separable
    assert second.interval.mean == pytest.approx(-first.interval.mean)


def test_one_seed_has_no_interval_and_separates_nothing() -> None:
    (only,) = contributions([{"a": 0.4}])
    assert (only.interval.mean, only.interval.low, only.interval.high) == (0.4, None, None)
    assert not only.separable


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_the_interval_covers_the_seeds_and_the_choice_of_orders(noise: float) -> None:
    """Seeds differ, and each draws its own orders: the truth must lie inside about 95 times in 100."""
    players = tuple("abcdef")
    truth = random_game(players, 5)
    exact = shapley(players, truth)["a"]
    generator = random.Random(0)
    inside, repetitions, n = 0, 200, 5
    for repetition in range(repetitions):
        estimates = []
        for seed in range(n):
            orders = antithetic_orders(players, pairs=balanced_pairs(players), seed=repetition * n + seed)
            needed = {coalition for order in orders for coalition in path(order)}
            noisy = {
                coalition: truth[coalition] + generator.gauss(0, noise) for coalition in sorted(needed, key=sorted)
            }
            estimates.append({"a": mean_marginals(players, orders, noisy)["a"]})
        interval = contributions(estimates)[0].interval
        assert interval.low is not None
        assert interval.high is not None
        inside += interval.low <= exact <= interval.high
    assert stats.binomtest(inside, repetitions, 0.95).pvalue > 0.001
