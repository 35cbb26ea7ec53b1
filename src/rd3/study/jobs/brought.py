"""Bringing a trained teacher as a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.squeeze.brought import bring, prepare
from rd3.squeeze.brought_spec import BroughtSpec
from rd3.squeeze.files import save_teacher
from rd3.study.jobs.base import Job, JobKey, Progress
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.store import Store


@dataclass(frozen=True)
class BroughtJob(Job):
    """Find one teacher's weights, test them on the target, and file them beside the squeezed ones.

    Attributes:
        planned: fingerprint of the weights and how they are read, as they were when this was planned.
    """

    kind: ClassVar[str] = TeacherJob.kind
    spec: BroughtSpec
    planned: str

    @property
    def fingerprint(self) -> str:
        return self.planned

    @property
    def needs(self) -> tuple[JobKey, ...]:
        return ()

    @property
    def title(self) -> str:
        return f"bring {self.spec.source} for {self.target_spec.name}"

    def load_units(self) -> tuple[str, int, float]:
        return "", 0, 0.0

    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:  # noqa: ARG002
        teacher = bring(self.spec, self.target(), device=device)
        if teacher.fingerprint != self.planned:
            raise UserError(f"{self.spec.source}: its weights have changed since the study was planned; run it again")
        facts = {"origin": "brought", **self.spec.as_json()}
        store.put(self.kind, self.fingerprint, facts, lambda folder: save_teacher(teacher, folder))


def brought_job(target: Target, spec: BroughtSpec) -> BroughtJob:
    """The job that brings a teacher; its weights are found and fitted, and not yet tested.

    Raises:
        UserError: they cannot be found or read, or do not fit.
    """
    return BroughtJob(target.spec, target.fingerprint, spec=spec, planned=prepare(spec, target).fingerprint)
