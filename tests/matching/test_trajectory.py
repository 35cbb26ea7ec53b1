"""MTT, TESLA and DATM as methods."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from tests.matching.resuming import gone_on_and_whole
from tests.matching.test_methods import target_like

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.matching.trajectory_matching import MatchRange
from rd3.methods.base import METHODS, Method, Task

TINY = {
    **{"network": "convnet1-w4", "iterations": 4, "steps": 3, "target_epochs": 1, "latest_start": 2},
    **{"experts": 2, "expert_epochs": 3, "expert_batch": 16, "image_lr": 5.0},
}
NAMES = ["mtt", "tesla", "datm"]


def small(name: str, **changes) -> Method:
    return parse(METHODS[name], TINY | changes, where="test")


@pytest.fixture
def task(digits, few_digits) -> Task:
    return Task(replace(digits, train=few_digits), None, ipc=2, seed=0)


@pytest.mark.parametrize("name", NAMES)
def test_going_on_from_a_kept_state_gives_the_same_bits(name, task):
    method = small(name)

    def parts():
        workshop = method.workshop(task)
        learned = method.start(workshop)
        return learned, method.algorithm(workshop, learned)

    resumed, learned = gone_on_and_whole(parts)
    for one, other in zip([*resumed.leaves, resumed.rate], [*learned.leaves, learned.rate], strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_learned_moves_and_comes_out_raw(name, task):
    method = small(name, augment="none", image_lr=1.0, rate_lr=1e-5)
    workshop = method.workshop(task)
    start = method.start(workshop)
    made = method.distill(task)
    rows = workshop.inputs.of_raw(made.images)
    assert made.images.shape == (20, 1, 8, 8)
    assert made.labels.tolist() == [label for label in range(10) for _ in range(2)]
    assert made.learned_lr != pytest.approx(method.student_lr, rel=1e-5)
    assert made.space == ("zca_kornia" if method.zca else "norm_target")
    assert not torch.allclose(rows, start.images.detach(), atol=1e-4)
    if name == "datm":
        assert not torch.equal(made.soft_labels, start.labels.detach())
    else:
        assert made.soft_labels is None


def test_more_iterations_come_nearer_to_the_experts(task):
    """By the student's distance to the goal, in which 1 is one that does not move."""
    info = small("mtt", iterations=60, augment="none", latest_start=1, image_lr=20.0, expert_lr=0.1).distill(task).info
    assert info["last_loss"] < 0.9 * info["first_loss"]


def test_memory_is_saved_at_no_cost_of_the_result(task):
    graph = small("mtt").distill(task)
    passes = small("mtt", gradient="exact").distill(task)
    released = small("mtt", gradient="released").distill(task)
    torch.testing.assert_close(passes.images, graph.images, rtol=1e-4, atol=1e-5)
    assert passes.learned_lr == pytest.approx(graph.learned_lr, rel=1e-5)
    assert not torch.allclose(released.images, graph.images, rtol=1e-4, atol=1e-5)


def test_tesla_is_mtt_with_exact_passes(task):
    assert torch.equal(small("tesla").distill(task).images, small("mtt", gradient="exact").distill(task).images)


def test_distances_above_the_threshold_change_nothing(task):
    still = small("datm", threshold=1e-6)
    start = still.start(still.workshop(task))
    made = still.distill(task)
    assert torch.equal(made.soft_labels, start.labels.detach())
    assert made.learned_lr == pytest.approx(0.01)


def test_the_match_range_grows_as_in_datms_schedule():
    """C10 at IPC 10: from 10 to 20 within 1000 iterations, by hand; the last epoch is not drawn."""
    growing = MatchRange(0, 20, first_latest=10, expansion=1000)
    assert [growing.end(iteration) for iteration in (0, 50, 99, 100, 250, 500, 999, 1000, 9999)] == [
        *(10, 10, 10, 11, 12, 15, 19, 20, 20)
    ]
    assert MatchRange(20, 70).end(0) == 70


def test_drawn_segments_stay_in_the_range(task):
    method = small("datm", earliest_start=1, latest_start=3, first_latest_start=2, expansion=3, expert_epochs=4)
    workshop = method.workshop(task)
    algorithm = method.algorithm(workshop, method.start(workshop))
    places = {}
    for number in range(2):
        places |= {float(point.double().sum()): epoch for epoch, point in enumerate(workshop.experts[number])}

    def drawn(iteration: int) -> set[tuple[int, int]]:
        pairs = [algorithm._segment(iteration) for _ in range(30)]
        return {tuple(places[float(point.double().sum())] for point in pair) for pair in pairs}

    assert drawn(0) == {(1, 2)}
    assert drawn(3) == {(1, 2), (2, 3)}


def test_batches_go_through_the_whole_set(task):
    method = small("mtt", batch=6, steps=9)
    workshop = method.workshop(task)
    steps = method.algorithm(workshop, method.start(workshop))._steps()
    assert [len(step.rows) for step in steps] == [6, 6, 6, 2, 6, 6, 6, 2, 6]
    assert sorted(torch.cat([step.rows for step in steps[:4]]).tolist()) == list(range(20))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expert_epochs": 2, "latest_start": 3}, "expert_epochs = 2: .* takes at least 3"),
        ({"image_lr": 1e30}, "mtt: image_lr = 1e\\+30: the images diverged"),
        ({"rate_lr": 1.0, "iterations": 1, "student_lr": 0.5}, "mtt: rate_lr = 1.0: the learned rate fell to -"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(changes, message, task):
    with pytest.raises(UserError, match=message):
        small("mtt", **changes).distill(task)


PUBLISHED = """
mtt   c10  1   {"steps": 50, "target_epochs": 2, "latest_start": 2, "image_lr": 100, "rate_lr": 1e-7, "student_lr": 0.01, "zca": true, "batch": null}
mtt   c10  10  {"steps": 30, "target_epochs": 2, "latest_start": 20, "image_lr": 100, "rate_lr": 1e-5, "student_lr": 0.001, "zca": true}
mtt   c10  50  {"steps": 30, "target_epochs": 2, "latest_start": 40, "image_lr": 1000, "rate_lr": 1e-5, "student_lr": 0.001, "zca": false}
mtt   c100 1   {"steps": 20, "target_epochs": 3, "latest_start": 20, "image_lr": 1000, "rate_lr": 1e-5, "student_lr": 0.01, "zca": true}
mtt   c100 10  {"steps": 20, "target_epochs": 2, "latest_start": 20, "image_lr": 1000, "rate_lr": 1e-5, "zca": false, "batch": null}
mtt   c100 50  {"steps": 80, "target_epochs": 2, "latest_start": 40, "image_lr": 1000, "zca": true, "batch": 125}
mtt   tiny 1   {"steps": 10, "target_epochs": 2, "latest_start": 10, "image_lr": 10000, "rate_lr": 1e-4, "zca": false}
mtt   tiny 10  {"steps": 20, "target_epochs": 2, "latest_start": 40, "image_lr": 10000, "batch": 200}
mtt   tiny 50  {"steps": 20, "target_epochs": 2, "latest_start": 40, "image_lr": 10000, "batch": 300, "iterations": 5000}
tesla c10  1   {"steps": 50, "target_epochs": 2, "latest_start": 5, "image_lr": 1000, "rate_lr": 1e-7, "iterations": 10000}
edf   in10 1   {"steps": 40, "first_latest_start": 5, "latest_start": 10, "image_lr": 10000, "label_lr": 2, "dropped": 0, "cam_every": 50, "zca": false}
edf   in10 10  {"steps": 40, "first_latest_start": 10, "latest_start": 20, "image_lr": 1000, "label_lr": 2, "dropped": 0.25, "cam_every": 100, "threshold": 1.5}
edf   in10 50  {"steps": 80, "first_latest_start": 20, "latest_start": 40, "image_lr": 1000, "label_lr": 5, "dropped": 0.375, "cam_every": 200}
tesla c100 50  {"steps": 80, "batch": 125, "gradient": "exact"}
datm  c10  1   {"steps": 80, "earliest_start": 0, "first_latest_start": null, "latest_start": 4, "image_lr": 100, "label_lr": 5, "rate_lr": 1e-7, "batch": 10}
datm  c10  10  {"steps": 80, "earliest_start": 0, "first_latest_start": 10, "latest_start": 20, "image_lr": 100, "label_lr": 2, "rate_lr": 1e-5, "batch": 100}
datm  c10  50  {"steps": 80, "first_latest_start": 20, "latest_start": 40, "image_lr": 1000, "label_lr": 2, "batch": 500}
datm  c10  500 {"steps": 40, "earliest_start": 40, "latest_start": 60, "image_lr": 50, "label_lr": 10, "batch": 1000}
datm  c10  1000 {"steps": 100, "earliest_start": 40, "latest_start": 60, "image_lr": 50, "rate_lr": 1e-5}
datm  c100 1   {"steps": 40, "target_epochs": 3, "first_latest_start": 10, "latest_start": 20, "image_lr": 1000, "label_lr": 10, "batch": 1000, "expansion": 1000}
datm  c100 10  {"steps": 80, "target_epochs": 2, "first_latest_start": 30, "latest_start": 50, "image_lr": 1000}
datm  c100 50  {"steps": 80, "earliest_start": 20, "latest_start": 70, "image_lr": 1000, "rate_lr": 1e-5}
datm  c100 100 {"steps": 80, "earliest_start": 30, "latest_start": 70, "image_lr": 50}
datm  tiny 1   {"steps": 40, "first_latest_start": 15, "latest_start": 20, "image_lr": 10000, "label_lr": 10, "rate_lr": 1e-4, "batch": 1000}
datm  tiny 10  {"steps": 40, "earliest_start": 10, "latest_start": 50, "image_lr": 100, "batch": 500, "zca": true}
datm  s96  10  {"steps": 40, "earliest_start": 10, "zca": false}
datm  in10 10  {"steps": 40, "earliest_start": 10, "zca": false}
datm  tiny 50  {"steps": 20, "earliest_start": 40, "latest_start": 70, "image_lr": 100, "batch": 1000, "expert_epochs": 100}
"""  # noqa: E501
"""Typed a second time from the papers' tables."""


@pytest.mark.parametrize("row", PUBLISHED.strip().splitlines())
def test_a_cell_has_its_published_settings(row, digits):
    name, place, ipc, expected = row.split(maxsplit=3)
    size, classes = {"c10": (32, 10), "c100": (32, 100), "tiny": (64, 200), "s96": (96, 10), "in10": (128, 10)}[place]
    target = target_like(digits, size=size, classes=classes)
    method = parse(METHODS[name], METHODS[name].settings_for(target, int(ipc)), where="test")
    assert {key: getattr(method, key) for key in json.loads(expected)} == json.loads(expected)
    method._require_range()
