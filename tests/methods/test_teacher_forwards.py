"""What methods say of the images that went through teachers, against a count inside the networks."""

from __future__ import annotations

import copy
import dataclasses

import pytest
from tests.methods.quick import quick_method
from torch import Tensor

from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.squeeze.teacher import Teacher

TAUGHT = [name for name in METHODS.names() if METHODS[name].needs_teacher]


class Counter:
    """Counts images in every copy of the teachers' networks, and in no other network of the same class."""

    def __init__(self, teachers: tuple[Teacher, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        self.images = 0
        for teacher in teachers:
            teacher.model.is_teacher = True  # type: ignore[assignment]
        for kind in {type(teacher.model) for teacher in teachers}:
            monkeypatch.setattr(kind, "forward", self._counting(kind.forward))

    def _counting(self, forward):  # type: ignore[no-untyped-def]
        def counted(network, images: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
            if getattr(network, "is_teacher", False):
                self.images += len(images)
            return forward(network, images)

        return counted


def fresh(teachers: tuple[Teacher, ...]) -> tuple[Teacher, ...]:
    """Copies of which no statistics are known yet."""
    return tuple(dataclasses.replace(teacher, model=copy.deepcopy(teacher.model)) for teacher in teachers)


@pytest.mark.parametrize("teachers", [1, 3])
@pytest.mark.parametrize("name", TAUGHT)
def test_the_images_that_went_through_teachers_are_counted(
    name: str, teachers: int, few: Target, pool: tuple[Teacher, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    if teachers > 1 and not METHODS[name].wants_pool:
        pytest.skip("uses one teacher")
    own = fresh(pool[:teachers])
    counter = Counter(own, monkeypatch)
    made = quick_method(name, few, 5, iterations=6).distill(Task(few, own[0], 5, 0, teachers=own))
    assert made.info["teacher_forwards"] == counter.images


@pytest.mark.parametrize("changes", [{"combine": "round-robin"}, {"combine": "pair"}, {"perturb_reset": "slot"}])
def test_a_teacher_that_climbs_is_counted_at_every_step(
    changes: dict[str, str], few: Target, pool: tuple[Teacher, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = fresh(pool)
    counter = Counter(own, monkeypatch)
    method = METHODS["dwa"](iterations=3, perturb_steps=2, batch_size=4, roll=1, **changes)
    made = method.distill(Task(few, own[0], 2, 0, teachers=own))
    assert made.info["teacher_forwards"] == counter.images


@pytest.mark.parametrize(("iterations", "looks"), [(1, 1), (3, 1), (4, 2), (7, 3)])
def test_maps_are_counted_whenever_they_are_made_anew(
    iterations: int, looks: int, few: Target, pool: tuple[Teacher, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = fresh(pool[:1])
    counter = Counter(own, monkeypatch)
    method = quick_method("edf", few, 1, iterations=iterations, cam_every=3)
    made = method.distill(Task(few, own[0], 1, 0))
    assert made.info["teacher_forwards"] == counter.images == looks * len(made.images)
    plain = quick_method("datm", few, 1, iterations=iterations, batch=method.batch)
    assert method.cost(few, 1) - plain.cost(few, 1) == looks * len(made.images)
