"""What holds for every method of these families, by name from the registry."""

from __future__ import annotations

import pytest
import torch

from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Method, Task
from rd3.squeeze.teacher import Teacher

NAMES = ["random", "herding", "rded", "sre2l"]


def method_for(name: str, target: Target, ipc: int) -> Method:
    settings = METHODS[name].settings_for(target, ipc)
    return METHODS[name](**settings | ({"iterations": 5} if name == "sre2l" else {}))


def distil(name: str, target: Target, teacher: Teacher, *, ipc: int = 2, seed: int = 0) -> Distilled:
    return method_for(name, target, ipc).distill(Task(target, teacher, ipc, seed))


@pytest.mark.parametrize("name", NAMES)
def test_a_method_makes_uint8_images_class_by_class(name: str, digits: Target, teacher: Teacher) -> None:
    made = distil(name, digits, teacher)
    assert (made.images.shape, made.images.dtype) == ((20, 1, 8, 8), torch.uint8)
    assert (made.labels.tolist(), made.labels.dtype) == (sorted(list(range(10)) * 2), torch.int64)
    assert int(made.images.max()) > int(made.images.min())


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bytes(name: str, digits: Target, teacher: Teacher) -> None:
    first, again, other = (distil(name, digits, teacher, seed=seed).images for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert torch.equal(first, other) == (name == "herding")  # nothing in herding is random


@pytest.mark.parametrize("name", NAMES)
def test_the_global_generator_is_neither_read_nor_moved(name: str, digits: Target, teacher: Teacher) -> None:
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = distil(name, digits, teacher).images
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert torch.equal(distil(name, digits, teacher).images, first)


@pytest.mark.parametrize("name", NAMES)
def test_progress_rises_to_one(name: str, digits: Target, teacher: Teacher) -> None:
    seen: list[float] = []
    method_for(name, digits, 1).distill(Task(digits, teacher, 1, 0, progress=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_method_says_what_it_is_and_what_it_costs(name: str, digits: Target) -> None:
    method = method_for(name, digits, 2)
    assert method.title
    assert method.paper
    assert (method.cost(digits, 2) > 0) == method.needs_teacher == ("teacher" in method.aids)
    assert METHODS[name].model_validate(method.as_json()) == method
