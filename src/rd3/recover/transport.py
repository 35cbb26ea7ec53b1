"""Exact optimal transport from a few equal weights (atoms) to many equal ones (points).

As there are few atoms, the flow is worked out among them (Tokuyama, Nakano, Efficient algorithms for the Hitchcock
transportation problem, SIAM J. Comput. 1995): every point goes where it is cheapest at the atoms' prices, which is
optimal for the loads that come out, and then units move along shortest paths from atoms with too many to atoms with
too few, each of which keeps it optimal. A general linear programme gives the same plan and takes hours for 5,000
points and 50 atoms.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

ASCENT_STEPS = 200  # of the prices; they only decide how much is left to be moved
RELATIVE_ZERO = 1e-12  # of the largest cost: rounding must not look like a cheaper way

Matrix = NDArray[np.float64]
Whole = NDArray[np.int64]


def transport(cost: Matrix, prices: Matrix | None = None) -> tuple[Matrix, float]:
    """The cheapest plan (k, n) that moves k equal weights to n equal weights of the same sum 1, and what it costs.

    Args:
        cost: (k, n), finite.
        prices: (k,), what is added to an atom's costs at first; good ones, see `balancing_prices`, save time.
    """
    atoms, points = cost.shape
    flow = _Flow(cost, np.zeros(atoms) if prices is None else prices)
    while flow.improve():
        pass
    total = atoms * points // math.gcd(atoms, points)
    return flow.units / total, float((flow.units * cost).sum()) / total


def balancing_prices(cost: Matrix, prices: Matrix | None = None) -> Matrix:
    """Prices (k,) at which atoms get about equal numbers of points: ascent of the dual, with falling steps."""
    atoms, points = cost.shape
    found = np.zeros(atoms) if prices is None else prices.copy()
    size = float(cost.std())
    for step in range(ASCENT_STEPS):
        loads = np.bincount((cost + found[:, None]).argmin(0), minlength=atoms)
        found += size * (loads * atoms / points - 1) / (step + 10)
    return found


class _Flow:
    """Whole units from atoms to points, optimal for the atoms' loads at any time.

    Attributes:
        units: int64 (k, n). Weights are whole in units of 1 / lcm(k, n): an atom has `capacity`, a point takes
            `portion`.
    """

    def __init__(self, cost: Matrix, prices: Matrix) -> None:
        atoms, points = cost.shape
        common = math.gcd(atoms, points)
        self._cost, self._zero = cost, RELATIVE_ZERO * float(np.abs(cost).max())
        capacity, portion = points // common, atoms // common
        self.units: Whole = np.zeros((atoms, points), dtype=np.int64)
        self.units[(cost + prices[:, None]).argmin(0), np.arange(points)] = portion
        self._excess = self.units.sum(1) - capacity
        self._extra = np.full((atoms, atoms), np.inf)  # what a unit more costs that goes from one atom to another
        self._mover = np.zeros((atoms, atoms), dtype=np.int64)  # the point whose unit that is
        for atom in range(atoms):
            self._look(atom)

    def improve(self) -> bool:
        """Move what can be moved along one shortest path; False when every atom has its load."""
        if not self._excess.any():
            return False
        path = self._shortest_path()
        edges = list(pairwise(path))
        movers = [int(self._mover[edge]) for edge in edges]
        amount = min(self._excess[path[0]], -self._excess[path[-1]])
        amount = min(amount, *(self.units[source, mover] for (source, _), mover in zip(edges, movers, strict=True)))
        for (source, end), mover in zip(edges, movers, strict=True):
            self.units[source, mover] -= amount
            self.units[end, mover] += amount
        self._excess[path[0]] -= amount
        self._excess[path[-1]] += amount
        for atom in path:
            self._look(atom)
        return True

    def _look(self, atom: int) -> None:
        """Find anew what it costs to send a unit of an atom to each other."""
        members = self.units[atom].nonzero()[0]
        if not len(members):
            self._extra[atom] = np.inf
            return
        extra = self._cost[:, members] - self._cost[atom, members]
        cheapest = extra.argmin(1)
        self._mover[atom] = members[cheapest]
        self._extra[atom] = extra[np.arange(len(extra)), cheapest]
        self._extra[atom, atom] = np.inf

    def _shortest_path(self) -> list[int]:
        """Atoms from one with too many to the nearest one with too few (Bellman, Ford)."""
        length = np.where(self._excess > 0, 0.0, np.inf)
        before = np.full(len(length), -1)
        for _ in range(len(length)):
            through = length[:, None] + self._extra
            source = through.argmin(0)
            shorter = through[source, np.arange(len(length))]
            better = shorter < length - self._zero
            if not better.any():
                break
            length = np.where(better, shorter, length)
            before = np.where(better, source, before)
        path = [int(np.where(self._excess < 0, length, np.inf).argmin())]
        while before[path[-1]] >= 0:
            path.append(int(before[path[-1]]))
            assert len(path) <= len(length), "no way round is cheaper than none"
        return path[::-1]
