"""The squeeze stage as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch

from rd3.base.plugin import require_same_sources
from rd3.data.target import Target, TargetSpec
from rd3.models.plugin import model_sources
from rd3.squeeze.files import load_teacher, save_teacher
from rd3.squeeze.probe import backbone_hash
from rd3.squeeze.spec import TeacherSpec, teacher_spec
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.train import squeeze
from rd3.study.jobs.base import Job, JobKey, Progress, cached_target
from rd3.study.store import Store
from rd3.training.recipe import Recipe

NOTE = "teacher "  # how a flag begins that speaks of a teacher


@dataclass(frozen=True)
class TeacherJob(Job):
    """Train one teacher.

    Attributes:
        backbone: file of the frozen backbone, for a linear probe.
    """

    kind: ClassVar[str] = "teacher"
    spec: TeacherSpec
    train_images: int
    backbone: str | None = None

    @property
    def fingerprint(self) -> str:
        return self.spec.fingerprint

    @property
    def needs(self) -> tuple[JobKey, ...]:
        return ()

    @property
    def title(self) -> str:
        frozen = f" on the frozen {Path(self.backbone).name}" if self.backbone else ""
        return f"squeeze {self.target_spec.name} into {self.spec.model}{frozen}"

    def load_units(self) -> tuple[str, int, float]:
        recipe = self.spec.recipe
        steps = recipe.steps(self.train_images) * (1 / 3 if self.backbone else 1)  # a frozen backbone goes forward only
        return self.spec.model, min(recipe.batch_size, self.train_images), steps

    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:
        require_same_sources(self.spec.sources, model_sources(self.spec.model))
        backbone = Path(self.backbone) if self.backbone else None
        teacher = squeeze(self.target(), self.spec, device=device, progress=progress, backbone=backbone)
        store.put(self.kind, self.fingerprint, self.spec.as_json(), lambda folder: save_teacher(teacher, folder))


def squeeze_job(
    target: Target,
    model: str,
    *,
    recipe: Recipe | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    backbone: str | Path | None = None,
) -> TeacherJob:
    """The job that squeezes the target into one teacher; see `rd3.squeeze`.

    Raises:
        UserError: an unknown recipe, or there is no such backbone.
    """
    frozen = None if backbone is None else backbone_hash(Path(backbone))
    spec = teacher_spec(target, model, recipe=recipe, epochs=epochs, seed=seed, backbone=frozen)
    return TeacherJob(
        target.spec,
        target.fingerprint,
        spec=spec,
        train_images=len(target.train),
        backbone=None if backbone is None else str(backbone),
    )


def pretrained_aid(teachers: Sequence[Teacher]) -> tuple[str, ...]:
    """What has to be declared where a teacher learned from other data than the target's."""
    return ("pretrained teacher",) if any(teacher.pretrained for teacher in teachers) else ()


def teacher_notes(teachers: Sequence[Teacher]) -> list[str]:
    """What a reader of a result must know of the teachers behind it."""
    return [f"{NOTE}{teacher.name}: {note}" for teacher in teachers for note in teacher.notes]


def stored_teacher(store: Store, fingerprint: str, target: Target) -> Teacher:
    """A teacher from the store."""
    return _load(store.root.resolve().as_posix(), fingerprint, target.spec)


@lru_cache(maxsize=16)
def _load(root: str, fingerprint: str, spec: TargetSpec) -> Teacher:
    return load_teacher(Path(root) / TeacherJob.kind / fingerprint, cached_target(spec))
