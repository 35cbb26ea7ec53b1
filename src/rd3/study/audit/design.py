"""Which runs an audit needs: a ladder, and enough coalitions for every factor's share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.scores.attribution import (
    Coalition,
    Game,
    Order,
    antithetic_orders,
    balanced_pairs,
    coalitions,
    mean_marginals,
    path,
    shapley,
)

EXACT_UP_TO = 5


@dataclass(frozen=True)
class Design:
    """What is asked of every seed.

    Attributes:
        keys: of the factors, in the order of the ladder.
        seeds: how many; seed r is replicate r.
        orders: drawn for each seed, independently of the other seeds'; empty where all coalitions are run.
    """

    keys: Order
    seeds: int
    orders: tuple[tuple[Order, ...], ...] = ()

    @property
    def exact(self) -> bool:
        return not self.orders

    def coalitions(self, replicate: int) -> list[Coalition]:
        """Those that this seed is run for, each once; the ladder's first."""
        wanted = path(self.keys)
        if self.exact:
            wanted += coalitions(self.keys)
        else:
            wanted += [coalition for order in self.orders[replicate] for coalition in path(order)]
        return list(dict.fromkeys(wanted))

    def shares(self, replicate: int, game: Game) -> Mapping[str, float]:
        """What each factor contributes in one seed; in the order of `keys`; they sum to the whole difference."""
        if not self.keys:
            return {}
        if self.exact:
            return shapley(self.keys, game)
        return mean_marginals(self.keys, self.orders[replicate], game)


def make_design(
    keys: Sequence[str], *, seeds: int, exact_up_to: int = EXACT_UP_TO, permutations: int | None = None
) -> Design:
    """All coalitions for up to `exact_up_to` factors, else orders for each seed, in pairs.

    Args:
        permutations: how many orders; by default enough to put every factor once into every place.

    Raises:
        UserError: no seeds, or an odd number of orders.
    """
    if seeds < 1:
        raise UserError(f"seeds = {seeds}: at least 1 is needed")
    if permutations is not None and (permutations < 2 or permutations % 2):
        raise UserError(f"permutations = {permutations}: each comes with its reverse; allowed are even numbers from 2")
    if len(keys) <= exact_up_to:
        return Design(tuple(keys), seeds)
    pairs = balanced_pairs(keys) if permutations is None else permutations // 2
    drawn = [
        # sorted, so that another order of the ladder takes the same runs
        tuple(antithetic_orders(sorted(keys), pairs=pairs, seed=derive_seed("audit orders", replicate)))
        for replicate in range(seeds)
    ]
    return Design(tuple(keys), seeds, tuple(drawn))
