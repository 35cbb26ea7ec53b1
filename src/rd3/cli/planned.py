"""The chosen teachers as runs know them, before any is squeezed."""

from __future__ import annotations

from rd3.cli.options import TeacherChoice, teacher_sources
from rd3.data.target import Target
from rd3.squeeze.brought import bring_teacher
from rd3.study.bench import keep_teacher
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.labellers import Labeller
from rd3.study.plan import teacher_job
from rd3.study.spec import TeacherEntry
from rd3.study.store import Store


def planned_teachers(
    choice: TeacherChoice, target: Target, store: Store | None = None
) -> tuple[list[Labeller], list[TeacherJob]]:
    """The chosen teachers by name, and the jobs that squeeze those that have no file.

    Args:
        store: where teachers from files are kept; None keeps them nowhere.
    """
    labellers, jobs = [], []
    for model, file, backbone in teacher_sources(choice):
        if file is not None:
            teacher = bring_teacher(file, target, model=model)
            if store is not None:
                keep_teacher(teacher, store)
            labellers.append(Labeller(teacher.fingerprint, model))
            continue
        entry = TeacherEntry(
            model=model,
            epochs=choice.teacher_epochs,
            seed=choice.teacher_seed,
            backbone=None if backbone is None else str(backbone),
        )
        jobs.append(teacher_job(target, entry))
        labellers.append(Labeller(jobs[-1].fingerprint, model))
    return labellers, jobs
