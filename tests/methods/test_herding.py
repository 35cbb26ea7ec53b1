from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.methods.herding import herd
from rd3.models.features import embed
from rd3.squeeze.teacher import Teacher


def assert_herded(features: np.ndarray, picks: list[int]) -> None:
    """Every pick is as near as any point that is left, with every distance of Welling's recursion written out."""
    mean = features.mean(0)
    for step, pick in enumerate(picks, start=1):
        so_far = features[picks[: step - 1]].sum(0)
        distances = [float(np.linalg.norm(step * mean - so_far - point)) for point in features]
        left = [distance for k, distance in enumerate(distances) if k not in picks[: step - 1]]
        assert distances[pick] <= min(left) + 1e-6
    assert len(set(picks)) == len(picks)


@given(st.integers(0, 10**6), st.integers(1, 15), st.integers(1, 6))
def test_picks_are_those_of_the_recursion(seed: int, points: int, dimensions: int) -> None:
    features = np.random.default_rng(seed).normal(size=(points, dimensions)) + 3
    for count in (1, points):
        picks = herd(torch.from_numpy(features), count).tolist()
        assert len(picks) == count
        assert_herded(features, picks)


def test_one_pick_is_the_point_nearest_to_the_mean_and_all_picks_are_all_points() -> None:
    features = torch.tensor([[0.0], [10.0], [4.0], [30.0]])
    assert herd(features, 1).tolist() == [1]
    assert sorted(herd(features, 4).tolist()) == [0, 1, 2, 3]


def test_the_mean_of_the_picks_is_closer_to_the_mean_than_that_of_nearly_all_subsets() -> None:
    features = torch.randn(12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    error = [
        float((features[list(rows)].mean(0) - features.mean(0)).norm()) for rows in itertools.combinations(range(12), 4)
    ]
    own = float((features[herd(features, 4)].mean(0) - features.mean(0)).norm())
    assert np.mean(np.array(error) <= own) < 0.05


def test_images_are_the_picks_in_the_teachers_embedding(digits: Target, teacher: Teacher) -> None:
    made = METHODS["herding"]().distill(Task(digits, teacher, 4, 0))
    own = digits.train.batch((digits.train.labels == 7).nonzero()[:, 0])
    features = embed(teacher.model, teacher.normalise(own.float() / 255)).double().numpy()
    picks = [int((own == image).flatten(1).all(1).nonzero()[0]) for image in made.images[28:32]]
    assert_herded(features, picks)


def test_too_large_an_ipc_names_the_class(digits: Target, teacher: Teacher) -> None:
    with pytest.raises(UserError, match=r"ipc = 500: class '\w+' has only \d+ training images"):
        METHODS["herding"]().distill(Task(digits, teacher, 500, 0))
