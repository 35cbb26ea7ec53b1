"""Every method on a GPU: it makes its images there, and the same ones again where kernels allow it."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from tests.methods.quick import quick_method

from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Task
from rd3.squeeze.teacher import Teacher
from rd3.training.device import prepare_process

NAMES = METHODS.names()
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
    pytest.mark.filterwarnings("default"),  # of kernels that have no deterministic form
]


@pytest.fixture(scope="module", autouse=True)
def as_in_a_worker() -> None:
    prepare_process(torch.device("cuda"))


def distilled(name: str, target: Target, teachers: tuple[Teacher, ...], device: str) -> Distilled:
    place = torch.device(device)
    moved = tuple(dataclasses.replace(one, model=copy.deepcopy(one.model).to(place)) for one in teachers)
    return quick_method(name, target, 2).distill(Task(target, moved[0], 2, 0, teachers=moved, device=place))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_makes_its_images_on_the_gpu(name: str, few: Target, pool: tuple[Teacher, ...]) -> None:
    made, again = (distilled(name, few, pool, "cuda") for _ in range(2))
    assert made.images.shape == (20, 1, 8, 8)
    assert bool(made.images.isfinite().all())
    assert made.labels.tolist() == sorted(list(range(10)) * 2)
    assert float(made.images.max()) > float(made.images.min())
    if quick_method(name, few, 2).unordered() is None:
        assert torch.equal(made.images, again.images)


@pytest.mark.parametrize("name", ["random", "herding", "k-center", "rded"])
def test_selected_images_are_those_that_a_cpu_selects(name: str, few: Target, pool: tuple[Teacher, ...]) -> None:
    """Scores in float32 differ in their last bits, so a tie may fall otherwise: two images in twenty at most."""
    here, there = (distilled(name, few, pool, device).images.cpu() for device in ("cpu", "cuda"))
    assert int((here != there).flatten(1).any(1).sum()) <= 2
