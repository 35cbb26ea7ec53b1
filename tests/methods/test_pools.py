"""Several teachers from the public verb to the images."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import rd3
from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.methods.infer import Infer
from rd3.squeeze.teacher import Teacher
from rd3.study.store import Store

QUICK = {"iterations": 3, "init": "real"}


@pytest.fixture(scope="module")
def squeezed(digits: Target, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, list[Teacher]]:
    store = Store(tmp_path_factory.mktemp("home"))
    models = ("convnet2-bn-w16", "convnet1-bn-w16")
    return store, [rd3.squeeze(digits, model=model, epochs=1, store=store, device="cpu") for model in models]


def test_a_pool_goes_through_the_store(digits: Target, squeezed: tuple[Store, list[Teacher]]) -> None:
    store, teachers = squeezed
    made = rd3.distill("cv-dd", digits, teachers, ipc=1, store=store, device="cpu", **QUICK)
    alone = rd3.distill("cv-dd", digits, teachers[0], ipc=1, store=store, device="cpu", **QUICK)
    assert made.manifest.info["teachers"] == ["convnet2-bn-w16", "convnet1-bn-w16"]
    assert made.manifest.info["flags"][-1] != "one teacher in place of a pool" == alone.manifest.info["flags"][-1]
    assert made.manifest.seconds.squeeze == pytest.approx(sum(teacher.seconds for teacher in teachers))
    assert not torch.equal(made.images, alone.images)
    again = rd3.distill("cv-dd", digits, teachers, ipc=1, store=store, device="cpu", **QUICK)
    assert again.manifest == made.manifest


def test_a_method_of_one_teacher_takes_the_first(digits: Target, squeezed: tuple[Store, list[Teacher]]) -> None:
    store, teachers = squeezed
    together, first = (
        rd3.distill("sre2l", digits, given, ipc=1, store=store, device="cpu", **QUICK)
        for given in (teachers, teachers[0])
    )
    assert together.manifest.fingerprint == first.manifest.fingerprint


def test_the_teacher_of_a_task_is_the_first_of_its_pool(few: Target, pool: tuple[Teacher, ...]) -> None:
    assert Task(few, pool[0], 1, 0).teachers == pool[:1]
    assert Task(few, None, 1, 0, teachers=pool).teacher is pool[0]
    assert Task(few, None, 1, 0).teachers == ()
    with pytest.raises(AssertionError, match="first of its pool"):
        Task(few, pool[1], 1, 0, teachers=pool)


def test_teachers_of_other_classes_are_refused(few: Target, pool: tuple[Teacher, ...]) -> None:
    strange = dataclasses.replace(pool[1], classes=pool[1].classes[::-1])
    method = METHODS["fadrm+"](**METHODS["fadrm+"].settings_for(few, 1))
    with pytest.raises(UserError, match="do not have the same classes") as caught:
        method.distill(Task(few, pool[0], 1, 0, teachers=(pool[0], strange)))
    assert "\n" not in str(caught.value)


def test_work_is_counted(few: Target, pool: tuple[Teacher, ...]) -> None:
    def forwards(name: str, ipc: int, teachers: tuple[Teacher, ...], **changes: object) -> int:
        method = METHODS[name].model_validate({**METHODS[name].settings_for(few, ipc), **changes})
        return int(method.distill(Task(few, teachers[0], ipc, 0, teachers=teachers)).info["teacher_forwards"])

    assert forwards("cv-dd", 2, pool, **QUICK) == 3 * 2 * 10 * 2
    assert forwards("cv-dd", 2, pool[:1], **QUICK) == 3 * 10 * 2
    assert forwards("dwa", 2, pool, **QUICK, perturb_steps=4) == (3 + 4) * 10 * 2
    assert forwards("delt", 3, pool, init="real", iterations=6, round_iterations=2) == (6 + 4 + 2) * 10
    assert forwards("infer", 8, pool, **QUICK) == 3 * 6 * 10  # two of eight slots stay as they are
    assert Infer(iterations=3).cost(few, 10) == 3 * 8 * 10
