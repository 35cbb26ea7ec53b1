"""The squeeze stage as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch

from rd3.data.target import Target, TargetSpec
from rd3.squeeze.files import load_teacher, save_teacher
from rd3.squeeze.spec import TeacherSpec
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.train import squeeze
from rd3.study.jobs.base import Job, JobKey, Progress, cached_target
from rd3.study.store import Store


@dataclass(frozen=True)
class TeacherJob(Job):
    """Train one teacher."""

    kind: ClassVar[str] = "teacher"
    spec: TeacherSpec
    train_images: int

    @property
    def fingerprint(self) -> str:
        return self.spec.fingerprint

    @property
    def needs(self) -> tuple[JobKey, ...]:
        return ()

    @property
    def title(self) -> str:
        return f"squeeze {self.target_spec.name} into {self.spec.model}"

    def load_units(self) -> tuple[str, int, float]:
        recipe = self.spec.recipe
        return self.spec.model, min(recipe.batch_size, self.train_images), recipe.steps(self.train_images)

    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:
        teacher = squeeze(self.target(), self.spec, device=device, progress=progress)
        store.put(self.kind, self.fingerprint, self.spec.as_json(), lambda folder: save_teacher(teacher, folder))


def pretrained_aid(teachers: Sequence[Teacher]) -> tuple[str, ...]:
    """What has to be declared where a teacher learned from other data than the target's."""
    return ("pretrained teacher",) if any(teacher.pretrained for teacher in teachers) else ()


def stored_teacher(store: Store, fingerprint: str, target: Target) -> Teacher:
    """A teacher from the store."""
    return _load(store.root.resolve().as_posix(), fingerprint, target.spec)


@lru_cache(maxsize=16)
def _load(root: str, fingerprint: str, spec: TargetSpec) -> Teacher:
    from pathlib import Path

    return load_teacher(Path(root) / TeacherJob.kind / fingerprint, cached_target(spec))
