"""What methods and their teachers are called in a study's tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rd3.study.jobs.brought import BroughtJob
from rd3.study.jobs.synthetic import SyntheticSpec
from rd3.study.jobs.teacher import TeacherJob


def label_of(spec: SyntheticSpec, names: Mapping[str, str]) -> str:
    """The method's label; one that distils from a teacher of its own names it, for instance `scdd[teacher=resnet50]`.

    Args:
        names: of the teachers that are not the study's first, by fingerprint.
    """
    if spec.teacher is None or spec.teacher not in names:
        return spec.label
    inside = f"{spec.label[len(spec.method) + 1 : -1]}," if spec.changed else ""
    return f"{spec.method}[{inside}teacher={names[spec.teacher]}]"


def teacher_name(job: TeacherJob | BroughtJob) -> str:
    """What a teacher is called in the label of a method that has it for itself."""
    backbone = job.backbone if isinstance(job, TeacherJob) else None
    return f"{job.spec.model} on {Path(backbone).stem}" if backbone else job.spec.model
