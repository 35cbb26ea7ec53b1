"""EDF's two parts: dropout of parameters and class activation maps, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.matching.resuming import gone_on_and_whole
from torch import nn

from rd3.base.spec import parse
from rd3.matching.discriminative import activation_maps, dropout_distance, emphasised
from rd3.matching.trajectory_matching import normalised_distance
from rd3.methods.base import METHODS, Task
from rd3.models import create_model
from rd3.squeeze.teacher import Teacher


@pytest.mark.parametrize("dropped", [0.0, 0.25, 0.375, 0.99])
def test_dropout_leaves_out_the_parameters_with_the_smallest_errors(dropped):
    draws = np.random.default_rng(0)
    end, start, goal = draws.normal(size=(3, 101))
    order = sorted(range(101), key=lambda index: (end[index] - goal[index]) ** 2)
    above, below = 0.0, 0.0
    for index in order[int(dropped * 101) :]:
        above += (end[index] - goal[index]) ** 2
        below += (start[index] - goal[index]) ** 2
    found = dropout_distance(*map(torch.from_numpy, (end, start, goal)), dropped=dropped)
    assert float(found) == pytest.approx(above / below)
    if dropped == 0:
        plain = normalised_distance(*map(torch.from_numpy, (end, start, goal)))
        assert float(found) == pytest.approx(float(plain))


class Net(nn.Module):
    """Two convolutions; the second one's rectified output is the last with a place."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.relu, self.pool, self.last = nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Linear(4, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.last(self.pool(self.relu(self.second(self.first(images)))).flatten(1))


def test_activation_maps_are_grad_cam(few_digits):
    torch.manual_seed(0)
    network, images = Net().eval(), few_digits.pixels[:6].float() / 255
    labels = torch.tensor([3, 1, 4, 1, 5, 9])
    found = activation_maps(network, images, labels)
    for index in range(6):
        places = network.second(network.first(images[index : index + 1])).relu()[0].detach().numpy()
        # the classifier is linear in the pooled places, so that the slope at each is weight / (4 · 4)
        weights = network.last.weight[labels[index]].detach().numpy() / 16
        coarse = np.maximum(sum(weights[k] * places[k] for k in range(4)), 0)
        coarse = (coarse - coarse.min()) / max(coarse.max() - coarse.min(), 1e-12)
        wanted = np.zeros((8, 8))
        for row in range(8):
            for column in range(8):
                wanted[row, column] = bilinear(coarse, (row + 0.5) / 2 - 0.5, (column + 0.5) / 2 - 0.5)
        np.testing.assert_allclose(found[index].numpy(), wanted, atol=1e-5)


def bilinear(values: np.ndarray, row: float, column: float) -> float:
    """Between the four places around, those at the border repeated."""
    row, column = max(row, 0.0), max(column, 0.0)
    top, left = int(row), int(column)
    bottom, right = min(top + 1, len(values) - 1), min(left + 1, len(values) - 1)
    down, across = row - top, column - left
    upper = values[top, left] * (1 - across) + values[top, right] * across
    lower = values[bottom, left] * (1 - across) + values[bottom, right] * across
    return float(upper * (1 - down) + lower * down)


def test_pixels_from_the_maps_mean_on_move_more():
    maps = torch.tensor([[[0.0, 0.5], [1.0, 0.1]], [[0.2, 0.2], [0.2, 0.6]]])
    assert emphasised(maps).tolist() == [[[[1.0, 1.5], [2.0, 1.0]]], [[[1.0, 1.0], [1.0, pytest.approx(1.6)]]]]


@pytest.fixture
def task(digits, few_digits) -> Task:
    model = create_model("convnet2-w4", classes=10, size=8, channels=1, seed=3)
    teacher = Teacher(model, "convnet2-w4", digits.mean, digits.std, digits.classes, "test", 0.0, 0.0)
    return Task(replace(digits, train=few_digits), teacher, ipc=1, seed=0)


TINY = {
    **{"network": "convnet1-w4", "iterations": 4, "steps": 2, "target_epochs": 1, "latest_start": 2},
    **{"experts": 1, "expert_epochs": 2, "expert_batch": 16, "image_lr": 5.0, "cam_every": 3},
}


def test_pixels_move_by_one_to_two_times_datms_steps(task):
    def images(name: str, **changes) -> torch.Tensor:
        own = {key: value for key, value in TINY.items() if key in METHODS[name].model_fields}
        return parse(METHODS[name], own | {"threshold": 1.5, "zca": False} | changes, where="test").distill(task).images

    datm, both = images("datm"), images("edf", dropped=0.5)
    enhanced = images("edf", dropped=0.0)
    assert not torch.allclose(datm, enhanced)
    assert not torch.allclose(both, enhanced)
    first = images("datm", iterations=1, image_lr=1e-3), images("edf", iterations=1, image_lr=1e-3, dropped=0.0)
    start = images("datm", iterations=1, image_lr=1e-12)
    ratio = ((first[1] - start) / (first[0] - start))[(first[0] - start).abs() > 1e-5]
    assert bool((ratio > 0.9).all())
    assert bool((ratio < 2.1).all())


def test_going_on_from_a_kept_state_gives_the_same_bits(task):
    method = parse(METHODS["edf"], TINY, where="test")

    def parts():
        workshop = method.workshop(task)
        learned = method.start(workshop)
        return learned, method.algorithm(workshop, learned)

    resumed, learned = gone_on_and_whole(parts)
    assert torch.equal(resumed.images, learned.images)
    assert torch.equal(resumed.labels, learned.labels)
