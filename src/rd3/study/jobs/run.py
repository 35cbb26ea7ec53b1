"""One run of the judge as a job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

import rd3
from rd3.base.files import write_atomic
from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.evaluation.judge import RunResult, judge
from rd3.evaluation.protocol import Protocol
from rd3.evaluation.spec import RunSpec
from rd3.relabel.pool import TeacherPool
from rd3.squeeze.teacher import Teacher
from rd3.study.jobs.base import Job, JobKey, Progress
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.jobs.teacher import TeacherJob, stored_teacher
from rd3.study.records import RECORD, Bytes, ProtocolMark, Record, Seconds, mark_of
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.manifest import DISTILLED, Manifest
from rd3.training.device import environment

WHOLE = "whole"


@dataclass(frozen=True)
class RunJob(Job):
    """Train and test one student."""

    kind: ClassVar[str] = "run"
    spec: RunSpec
    mark: ProtocolMark
    label: str
    images: int
    flags: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        return self.spec.fingerprint

    @property
    def needs(self) -> tuple[JobKey, ...]:
        inputs = [JobKey(TeacherJob.kind, teacher) for teacher in self.spec.teachers]
        if self.spec.images != WHOLE:
            inputs.append(JobKey(SyntheticJob.kind, self.spec.images))
        return tuple(inputs)

    @property
    def title(self) -> str:
        size = f", IPC {self.spec.ipc}" if self.spec.ipc is not None else ""
        return f"{self.mark.id}: {self.label}{size}, {self.spec.student}, seed {self.spec.replicate}"

    def load_units(self) -> tuple[str, int, float]:
        recipe = self.spec.settings.recipe()
        labelling = 4 / 3 if self.spec.teachers else 1.0  # a teacher's forward is a third of a training step
        return self.spec.student, min(recipe.batch_size, self.images), recipe.steps(self.images) * labelling

    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:  # noqa: ARG002
        target = self.target()
        synthetic = stored_synthetic(store, self.spec.images) if self.spec.images != WHOLE else None
        teachers = [stored_teacher(store, fingerprint, target) for fingerprint in self.spec.teachers]
        warnings = check(synthetic, target) if synthetic is not None else []
        result = judge(
            MemoryImages(synthetic.images, synthetic.labels) if synthetic is not None else target.train,
            target=target,
            settings=self.spec.settings,
            student=self.spec.student,
            seed=self.spec.seed,
            teachers=TeacherPool(teachers, target.classes) if teachers else None,
            device=device,
        )
        flags = (*self.flags, *warnings, *self._teacher_flags(teachers))
        record = self._record(target, synthetic, teachers, result, device, flags)
        store.put(
            self.kind,
            self.fingerprint,
            self.spec.as_json(),
            lambda folder: write_atomic(folder / RECORD, record.model_dump_json(indent=1)),
        )

    def _teacher_flags(self, teachers: list[Teacher]) -> list[str]:
        asked = self.spec.settings.teacher
        return [
            f"labelled by {teacher.name} where {self.mark.id} has {asked}"
            for teacher in teachers
            if asked is not None and teacher.name.removeprefix("tv:") != asked
        ]

    def _record(
        self,
        target: Target,
        synthetic: Synthetic | None,
        teachers: list[Teacher],
        result: RunResult,
        device: torch.device,
        flags: tuple[str, ...],
    ) -> Record:
        made = synthetic.manifest if synthetic is not None else None
        squeezed = {teacher.fingerprint: teacher.seconds for teacher in teachers}
        if made and made.teacher:
            squeezed[made.teacher] = made.seconds.squeeze or 0.0
        return Record(
            fingerprint=self.fingerprint,
            target=target.name,
            target_fingerprint=target.fingerprint,
            method=self.label,
            ipc=self.spec.ipc,
            draw=made.draw if made else 0,
            images=self.spec.images,
            teachers={teacher.fingerprint: teacher.test_accuracy for teacher in teachers},
            protocol=self.mark,
            settings=self.spec.settings,
            student=self.spec.student,
            replicate=self.spec.replicate,
            seed=self.spec.seed,
            accuracy=result.accuracy,
            peeked=result.peeked,
            curve=result.curve,
            correct=result.correct,
            test_images=len(target.test),
            seconds=Seconds(
                squeeze=sum(squeezed.values()),
                synthesise=made.seconds.synthesise if made else 0.0,
                relabel=result.relabel_seconds,
                train=result.train_seconds,
                report=result.report_seconds,
            ),
            bytes=Bytes(images=_pixels(target, self.images), labels=result.label_bytes),
            teacher_forwards=result.teacher_forwards,
            peak_memory=result.peak_memory,
            aids=_aids(made),
            flags=flags,
            environment=environment(device),
            rd3_version=rd3.__version__,
        )


def run_job(
    target: Target,
    protocol: Protocol,
    *,
    student: str,
    replicate: int,
    images: str,
    label: str,
    count: int,
    ipc: int | None,
    teachers: tuple[str, ...],
    whole: str | None = None,
    notes: tuple[str, ...] = (),
) -> RunJob:
    """The job for one cell and one replicate.

    Args:
        images: fingerprint of the synthetic, or `whole`.
        count: number of images.
        teachers: fingerprints of who labels; dropped where the protocol's labels are hard.
        whole: id of the whole-target protocol to score against, in place of the one that `protocol` names.
        notes: flags of the record, besides the protocol's own.
    """
    settings, flags = protocol.resolve(target, ipc, student)
    spec = RunSpec(
        images=images,
        target=target.fingerprint,
        protocol=protocol.id,
        protocol_hash=protocol.hash,
        settings=settings,
        student=student,
        teachers=teachers if settings.soft else (),
        ipc=ipc,
        replicate=replicate,
    )
    mark = mark_of(protocol, whole=whole)
    return RunJob(
        target.spec, target.fingerprint, spec=spec, mark=mark, label=label, images=count, flags=(*flags, *notes)
    )


def record_of(job: RunJob, store: Store, *, label: str | None = None) -> Record:
    """A finished run under its present names: those decide no number, so a stored record may hold older ones."""
    path = store.path(RunJob.kind, job.fingerprint) / RECORD
    names = {"method": label or job.label, "protocol": job.mark}
    return Record.model_validate_json(path.read_text()).model_copy(update=names)


def _aids(made: Manifest | None) -> tuple[str, ...]:
    """What a method declared; nobody declares it for a set from elsewhere."""
    if made is None:
        return ()
    return made.aids if made.origin == DISTILLED else ("undeclared",)


def _pixels(target: Target, images: int) -> int:
    channels, height, width = target.train.shape
    return images * channels * height * width
