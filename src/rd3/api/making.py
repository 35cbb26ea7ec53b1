"""Teachers and distilled sets: made, or taken from the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rd3.api.work import do
from rd3.data.target import Target
from rd3.squeeze.teacher import Teacher
from rd3.study.bench import keep_teacher, require_same_target
from rd3.study.executors.base import Listener
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.jobs.teacher import squeeze_job, stored_teacher
from rd3.study.plan import synthetic_job
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.training.recipe import Recipe


def squeeze(
    target: Target,
    *,
    model: str = "convnet3-bn",
    recipe: Recipe | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    backbone: str | Path | None = None,
    store: Store | None = None,
    device: str = "auto",
    listener: Listener | None = None,
) -> Teacher:
    """Train a teacher on `target`, or take it from the store.

    Args:
        model: name of the architecture.
        recipe: a recipe, the name of one, or None for the target's default.
        epochs: in place of the recipe's.
        backbone: a state dict (`.pt`) of that architecture, for instance a self-supervised one: it is frozen, and only
            a new last layer is trained (a linear probe).

    Raises:
        UserError: the backbone cannot be read, or does not fit the architecture.
    """
    job = squeeze_job(target, model, recipe=recipe, epochs=epochs, seed=seed, backbone=backbone)
    store = store or Store()
    do([job], store, choose_executor(device, workers=1), listener)
    return stored_teacher(store, job.fingerprint, target)


def distill(
    method: str,
    target: Target,
    teacher: Teacher | Sequence[Teacher] | None = None,
    *,
    ipc: int,
    seed: int = 0,
    store: Store | None = None,
    device: str = "auto",
    listener: Listener | None = None,
    **settings: Any,
) -> Synthetic:
    """Distil `target` with `method`, or take the result from the store.

    Args:
        teacher: one, or several for methods that use a pool; the others take the first.
        ipc: images per class.
        seed: which draw.
        settings: in place of the paper's, for instance `iterations=500`.

    Raises:
        UserError: unknown method or setting, a missing teacher, or fewer images in a class than `ipc`.
    """
    store = store or Store()
    teachers = () if teacher is None else (teacher,) if isinstance(teacher, Teacher) else tuple(teacher)
    job = distill_job(method, target, *teachers, ipc=ipc, draw=seed, changes=settings)
    for one in teachers:
        require_same_target(one, target)
        keep_teacher(one, store)
    do([job], store, choose_executor(device, workers=1), listener)
    return stored_synthetic(store, job.fingerprint)


def distill_job(
    method: str, target: Target, *teachers: Teacher, ipc: int, draw: int = 0, changes: dict[str, Any]
) -> SyntheticJob:
    """The job behind `distill`."""
    return synthetic_job(
        target,
        method,
        ipc=ipc,
        teacher=(teachers[0].fingerprint, teachers[0].name) if teachers else None,
        pool=tuple(teacher.fingerprint for teacher in teachers[1:]),
        pool_models=tuple(teacher.name for teacher in teachers[1:]),
        draw=draw,
        changes=changes,
    )
