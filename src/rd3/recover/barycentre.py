"""Free-support Wasserstein barycentres: the few equally heavy points that are nearest to a class's embeddings.

Source: Cuturi, Doucet, Fast Computation of Wasserstein Barycenters, ICML 2014; in distillation WMDD, arXiv 2311.18531.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rd3.recover.transport import Matrix, balancing_prices, transport

MOST_ROUNDS = 50
GAIN = 1e-6  # relative; the search ends when a round brings less


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
    before, prices = math.inf, None
    for _ in range(MOST_ROUNDS):
        distances = squared_distances(atoms, cloud)
        prices = balancing_prices(distances, prices)
        plan, cost = transport(distances, prices)
        if cost >= before * (1 - GAIN):
            break
        before = cost
        atoms = len(atoms) * plan @ cloud
    return torch.from_numpy(atoms).to(points), before


def squared_distances(atoms: Matrix, points: Matrix) -> Matrix:
    """‖a − x‖² for every pair, (k, n)."""
    squares: Matrix = (atoms**2).sum(1)[:, None] + (points**2).sum(1) - 2 * atoms @ points.T
    return squares.clip(min=0)
