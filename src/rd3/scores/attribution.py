"""Shapley values: how much of a difference each factor makes, whatever the order. Pure mathematics; no files.

A game gives every coalition of players a number; here the players are what two evaluations differ in, a coalition holds
those that are already switched, and the number is one seed's accuracy. A player's Shapley value is what it adds when it
joins, averaged over all orders of joining. In every order what is added telescopes, so the values sum to
game[all] − game[none].

Sources: Shapley, A value for n-person games, 1953. Orders drawn at random: Castro, Gómez and Tejada, 2009. Each order
together with its reverse, and players spread over the places, which cancels much of the noise of interactions: Mitchell
et al., 2022 (arXiv 2104.12199).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import comb
from statistics import fmean

from rd3.base.spec import Spec
from rd3.scores.intervals import Interval, t_interval

Coalition = frozenset[str]
Order = tuple[str, ...]
Game = Mapping[Coalition, float]


class Contribution(Spec):
    """What one factor contributes to a difference.

    Attributes:
        interval: the mean over seeds with its t-interval.
        seeds: of each seed.
    """

    factor: str
    interval: Interval
    seeds: tuple[float, ...]

    @property
    def separable(self) -> bool:
        """Whether the interval leaves out 0; not corrected for the number of factors."""
        low, high = self.interval.low, self.interval.high
        return low is not None and high is not None and (low > 0 or high < 0)


def coalitions(players: Sequence[str]) -> list[Coalition]:
    """All 2^k, smaller ones first.

    >>> [sorted(coalition) for coalition in coalitions(["a", "b"])]
    [[], ['a'], ['b'], ['a', 'b']]
    """
    return [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]


def path(order: Sequence[str]) -> list[Coalition]:
    """The coalitions that players form who join one after the other, from none to all."""
    return [frozenset(order[:size]) for size in range(len(order) + 1)]


def marginals(order: Sequence[str], game: Game) -> dict[str, float]:
    """What each player adds when they join in this order."""
    steps = path(order)
    return {player: game[after] - game[before] for player, before, after in zip(order, steps, steps[1:], strict=False)}


def shapley(players: Sequence[str], game: Game) -> dict[str, float]:
    """The Shapley value of every player, exactly, from all 2^k coalitions.

    φ_i = Σ_{S ∌ i} |S|! (k − |S| − 1)! / k! · (game[S ∪ i] − game[S])

    >>> gloves = {coalition: float("left" in coalition and len(coalition) > 1)
    ...           for coalition in coalitions(["left", "right", "other right"])}
    >>> [round(value, 4) for value in shapley(["left", "right", "other right"], gloves).values()]
    [0.6667, 0.1667, 0.1667]
    """
    return {player: _shapley(player, [other for other in players if other != player], game) for player in players}


def _shapley(player: str, others: Sequence[str], game: Game) -> float:
    added = 0.0
    for before in coalitions(others):
        orders = comb(len(others), len(before))  # k · C(k−1, s) = k! / (s! (k−s−1)!)
        added += (game[before | {player}] - game[before]) / orders
    return added / (len(others) + 1)


def mean_marginals(players: Sequence[str], orders: Sequence[Order], game: Game) -> dict[str, float]:
    """What each player adds on average over some orders: an unbiased estimate of its Shapley value if they are random.

    Over all orders it is the Shapley value.

    Returns:
        As `shapley` does, one value a player in the order of `players`.
    """
    added = [marginals(order, game) for order in orders]
    return {player: fmean(one[player] for one in added) for player in players}


def antithetic_orders(players: Sequence[str], *, pairs: int, seed: int) -> list[Order]:
    """Random orders, each followed by its reverse; every one of them is equally likely to be any order.

    A drawn order is used turned round by 0, 2, 4, … places before a new one is drawn, so that `balanced_pairs` of them
    put every player (nearly, for an odd number of players) once into every place.

    >>> antithetic_orders(["a", "b", "c", "d"], pairs=2, seed=0)
    [('d', 'b', 'a', 'c'), ('c', 'a', 'b', 'd'), ('a', 'c', 'd', 'b'), ('b', 'd', 'c', 'a')]
    """
    generator = random.Random(seed)
    orders: list[Order] = []
    base: list[str] = []
    for turn in range(pairs):
        place = 2 * (turn % balanced_pairs(players))
        if place == 0:
            base = generator.sample(list(players), len(players))
        order = (*base[place:], *base[:place])
        orders += [order, order[::-1]]
    return orders


def balanced_pairs(players: Sequence[str]) -> int:
    """How many pairs of orders put every player once into every place."""
    return max(1, (len(players) + 1) // 2)


def contributions(seeds: Sequence[Mapping[str, float]]) -> tuple[Contribution, ...]:
    """Means and t-intervals over seeds of what each factor contributed to each seed.

    The interval covers what differs from seed to seed. Where every seed drew its own orders, independently, that is the
    choice of orders too: each seed's value is then an unbiased estimate with both kinds of noise in it.
    """
    return tuple(_contribution(factor, [seed[factor] for seed in seeds]) for factor in seeds[0])


def _contribution(factor: str, values: Iterable[float]) -> Contribution:
    found = tuple(values)
    return Contribution(factor=factor, interval=t_interval(found), seeds=found)
