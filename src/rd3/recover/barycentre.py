"""Free-support Wasserstein barycentres: the few equally heavy points that are nearest to a class's embeddings.

Source: Cuturi, Doucet, Fast Computation of Wasserstein Barycenters, ICML 2014; in distillation WMDD, arXiv 2311.18531.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.sparse as sparse
import torch
from numpy.typing import NDArray
from scipy.optimize import linprog
from torch import Tensor

MOST_ROUNDS = 50
GAIN = 1e-6  # relative; the search ends when a round brings less

Matrix = NDArray[np.float64]


def barycentre(points: Tensor, start: Tensor) -> tuple[Tensor, float]:
    """k points of weight 1/k that locally minimise the squared 2-Wasserstein distance to n points of weight 1/n.

    Transport and means take turns: optimal plan, then every atom goes to the mean of what it is sent.

    Args:
        points: (n, D).
        start: of the atoms, (k, D).

    Returns:
        The atoms, (k, D), in the type and on the device of `points`, and their squared distance.
    """
    cloud, atoms = (values.detach().cpu().double().numpy() for values in (points, start))
    before = math.inf
    for _ in range(MOST_ROUNDS):
        plan, cost = transport(squared_distances(atoms, cloud))
        if cost >= before * (1 - GAIN):
            break
        before = cost
        atoms = len(atoms) * plan @ cloud
    return torch.from_numpy(atoms).to(points), before


def transport(cost: Matrix) -> tuple[Matrix, float]:
    """The cheapest plan (k, n) that moves k equal weights to n equal weights of the same sum 1, and what it costs."""
    atoms, points = cost.shape
    # Whole numbers, as their plan is whole too and comes out exact.
    unit = math.gcd(atoms, points)
    sums = np.repeat([points // unit, atoms // unit], [atoms, points]).astype(float)
    of_atom = sparse.kron(sparse.identity(atoms), np.ones((1, points)))
    of_point = sparse.kron(np.ones((1, atoms)), sparse.identity(points))
    # The last constraint follows from the others.
    constraints = sparse.vstack([of_atom, of_point]).tocsr()[:-1]
    solution = linprog(cost.ravel(), A_eq=constraints, b_eq=sums[:-1], method="highs-ds")
    assert solution.status == 0, solution.message
    total = atoms * points // unit
    return solution.x.reshape(atoms, points) / total, float(solution.fun) / total


def squared_distances(atoms: Matrix, points: Matrix) -> Matrix:
    """‖a − x‖² for every pair, (k, n)."""
    squares: Matrix = (atoms**2).sum(1)[:, None] + (points**2).sum(1) - 2 * atoms @ points.T
    return squares.clip(min=0)
