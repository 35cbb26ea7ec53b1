"""The chosen teachers as runs know them, before any is squeezed."""

from __future__ import annotations

from rd3.cli.options import TeacherChoice, brought, teacher_sources
from rd3.data.target import Target
from rd3.study.bench import keep_teacher
from rd3.study.jobs.teacher import TeacherJob, squeeze_job
from rd3.study.labellers import Labeller
from rd3.study.store import Store


def planned_teachers(
    choice: TeacherChoice, target: Target, device: str, store: Store | None = None
) -> tuple[list[Labeller], list[TeacherJob]]:
    """The chosen teachers by name, and the jobs that squeeze those that have no file.

    Args:
        device: where brought ones are tested.
        store: where teachers from files are kept; None keeps them nowhere.
    """
    labellers, jobs = [], []
    for chosen in teacher_sources(choice):
        if chosen.source is not None:
            teacher = brought(chosen, choice, target, device)
            if store is not None:
                keep_teacher(teacher, store)
            labellers.append(Labeller(teacher.fingerprint, chosen.model))
            continue
        jobs.append(
            squeeze_job(
                target,
                chosen.model,
                epochs=choice.teacher_epochs,
                seed=choice.teacher_seed,
                backbone=chosen.backbone,
            )
        )
        labellers.append(Labeller(jobs[-1].fingerprint, chosen.model))
    return labellers, jobs
