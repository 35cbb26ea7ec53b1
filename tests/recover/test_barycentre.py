"""Optimal transport against assignments, and barycentres against what is known in closed form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment, linprog

from rd3.data.target import Target
from rd3.recover.barycentre import barycentre, squared_distances
from rd3.recover.embedding import EmbeddingMatch, embeddings
from rd3.recover.losses import class_barycentres
from rd3.recover.plan import PlanItem
from rd3.recover.problem import Problem
from rd3.recover.teachers import private_copy, private_teacher
from rd3.recover.transport import balancing_prices, transport
from rd3.squeeze.teacher import Teacher

CPU = torch.device("cpu")


def cloud(count: int, seed: int = 0, dimensions: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, dimensions))


def assigned(atoms: np.ndarray, points: np.ndarray) -> float:
    """Cost of transport as an assignment: every atom and point as often as makes their numbers equal."""
    copies = np.lcm(len(atoms), len(points))
    rows, columns = (np.repeat(values, copies // len(values), axis=0) for values in (atoms, points))
    cost = ((rows[:, None] - columns) ** 2).sum(-1)
    return float(cost[linear_sum_assignment(cost)].mean())


@pytest.mark.parametrize(("atoms", "points"), [(2, 8), (3, 9), (3, 7), (4, 6), (1, 5), (5, 5)])
def test_transport_costs_what_the_best_assignment_costs(atoms: int, points: int) -> None:
    distances = squared_distances(cloud(atoms, 1), cloud(points))
    plan, cost = transport(distances)
    assert cost == pytest.approx(assigned(cloud(atoms, 1), cloud(points)), rel=1e-9)
    assert cost == pytest.approx(float((plan * distances).sum()), rel=1e-9)
    np.testing.assert_allclose(plan.sum(1), 1 / atoms, rtol=1e-9)
    np.testing.assert_allclose(plan.sum(0), 1 / points, rtol=1e-9)
    assert plan.min() >= 0


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("atoms", "points"), [(4, 60), (7, 50), (9, 24)])
def test_transport_costs_what_a_linear_programme_finds_whatever_the_prices(atoms: int, points: int, seed: int) -> None:
    distances = squared_distances(3 * cloud(atoms, seed + 100), cloud(points, seed) ** 3)
    of_atom = np.kron(np.eye(atoms), np.ones((1, points)))
    of_point = np.kron(np.ones((1, atoms)), np.eye(points))
    sums = np.repeat([1 / atoms, 1 / points], [atoms, points])
    best = linprog(distances.ravel(), A_eq=np.vstack([of_atom, of_point]), b_eq=sums, method="highs").fun
    for prices in (None, balancing_prices(distances), 10 * cloud(atoms, seed)[:, 0]):
        plan, cost = transport(distances, prices)
        assert cost == pytest.approx(best, rel=1e-9)
        np.testing.assert_allclose(plan.sum(1), 1 / atoms, rtol=1e-9)
        np.testing.assert_allclose(plan.sum(0), 1 / points, rtol=1e-9)


def test_points_that_are_equal_are_shared_out() -> None:
    distances = squared_distances(np.zeros((3, 2)), np.ones((8, 2)))
    plan, cost = transport(distances)
    assert cost == pytest.approx(2)
    np.testing.assert_allclose(plan.sum(1), 1 / 3)


def test_balancing_prices_leave_little_to_be_moved() -> None:
    distances = squared_distances(cloud(10, 1), cloud(1000) + 1)
    before, after = (
        np.bincount((distances + prices[:, None]).argmin(0), minlength=10)
        for prices in (np.zeros(10), balancing_prices(distances))
    )
    assert np.abs(after - 100).sum() < 0.1 * np.abs(before - 100).sum()


def test_no_permutation_is_cheaper() -> None:
    distances = squared_distances(cloud(5, 1), cloud(5))
    every = [
        np.mean([distances[row, column] for row, column in enumerate(p)]) for p in itertools.permutations(range(5))
    ]
    assert transport(distances)[1] == pytest.approx(min(every))


def test_one_atom_is_the_mean_and_all_atoms_are_the_points() -> None:
    points = torch.from_numpy(cloud(6))
    mean, cost = barycentre(points, points[2:3])
    torch.testing.assert_close(mean[0], points.mean(0))
    assert cost == pytest.approx(float(((points - points.mean(0)) ** 2).sum(1).mean()))
    everything, nothing = barycentre(points, points + 0.01)
    torch.testing.assert_close(everything, points)
    assert nothing == pytest.approx(0, abs=1e-12)


def test_balanced_clusters_are_found_and_their_means_are_the_atoms() -> None:
    points = torch.from_numpy(np.concatenate([cloud(4, 1) * 0.1 - 3, cloud(4, 2) * 0.1 + 3]))
    atoms, _ = barycentre(points, points[[0, 5]])
    torch.testing.assert_close(atoms, torch.stack([points[:4].mean(0), points[4:].mean(0)]))


def test_an_unbalanced_cluster_has_to_give_points_away() -> None:
    """Unlike k-means: six points here and two there, but every atom weighs one half."""
    points = torch.from_numpy(np.concatenate([cloud(6, 1) * 0.1 - 3, cloud(2, 2) * 0.1 + 3]))
    atoms, cost = barycentre(points, points[[0, 7]])
    assert cost == pytest.approx(assigned(atoms.numpy(), points.numpy()), rel=1e-6)
    assert float(atoms[1].mean()) < 1


def test_a_barycentre_is_no_worse_than_nearby_atoms() -> None:
    points = torch.from_numpy(cloud(12))
    atoms, cost = barycentre(points, points[:3])
    for seed in range(10):
        moved = atoms.numpy() + 0.05 * cloud(3, seed)
        assert assigned(moved, points.numpy()) >= cost - 1e-9


def test_targets_of_classes_are_barycentres_of_their_embeddings(digits: Target, digits_teacher: Teacher) -> None:
    problem = Problem(digits, (digits_teacher,), ipc=1, seed=0, device=CPU)
    targets = class_barycentres(digits_teacher, problem)
    for label in (0, 7):
        own = (digits.train.labels == label).nonzero()[:, 0]
        points = embeddings(digits.train, own, private_teacher(digits_teacher, CPU), CPU)
        torch.testing.assert_close(targets[label], points.mean(0), rtol=1e-4, atol=1e-4)


def test_the_term_is_the_distance_of_every_image_to_its_own_target(digits: Target, digits_teacher: Teacher) -> None:
    rows = torch.tensor([5, 17, 40])
    points = embeddings(digits.train, rows, private_teacher(digits_teacher, CPU), CPU)
    model, targets = private_copy(digits_teacher.model, CPU), torch.zeros(20, points.shape[1])
    match = EmbeddingMatch(model, targets, ipc=2)
    item = PlanItem(0, torch.tensor([3, 1, 9]), torch.tensor([0, 1, 1]))
    targets[[6, 3, 19]] = points
    targets[3] += 2
    model(digits_teacher.normalise(digits.train.batch(rows).float() / 255))
    assert float(match.take(item)) == pytest.approx(2 * points.shape[1] ** 0.5, rel=1e-3)
