"""One run of the judge as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from rd3.base.errors import UserError
from rd3.base.files import write_atomic
from rd3.base.plugin import require_same_sources, source_notes
from rd3.data.images import MemoryImages
from rd3.data.target import Target
from rd3.evaluation.derived import is_own_hard
from rd3.evaluation.files import load_protocol
from rd3.evaluation.judge import RunResult, judge
from rd3.evaluation.labelling import pool_for
from rd3.evaluation.protocol import Protocol
from rd3.evaluation.settings import Settings
from rd3.evaluation.spec import RunSpec, sources_of
from rd3.squeeze.teacher import Teacher
from rd3.study.jobs.base import Job, JobKey, Progress
from rd3.study.jobs.run_record import RunNames, make_record
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.jobs.teacher import TeacherJob, stored_teacher
from rd3.study.labellers import Labeller, labellers
from rd3.study.records import RECORD, ProtocolMark, Record, mark_of
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.soft_labels import SoftLabelForm, as_centred, as_logits, as_regression_targets

WHOLE = "whole"
READINGS = {"mse-gt": as_regression_targets, "mse-centred": as_centred}  # of own labels, where not as logits


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
        settings = self.spec.settings
        recipe = settings.recipe()
        online = settings.labels == "online"
        labelling = 1 + len(self.spec.teachers) / 3 if online else 1.0  # a forward is a third of a training step
        steps = recipe.steps(self.images) * labelling * len(settings.lr_search or (settings.lr,))
        return self.spec.student, min(recipe.batch_size, self.images), steps

    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:  # noqa: ARG002
        require_same_sources(self.spec.sources, sources_of(self.spec.student, self.spec.settings))
        target = self.target()
        synthetic = stored_synthetic(store, self.spec.images) if self.spec.images != WHOLE else None
        teachers = [stored_teacher(store, fingerprint, target) for fingerprint in self.spec.teachers]
        warnings = check(synthetic, target) if synthetic is not None else []
        result = self._judge(target, synthetic, teachers, device)
        names = RunNames(self.mark, self.label, self.images, (*self.flags, *warnings))
        record = make_record(
            self.spec, names, result, target=target, synthetic=synthetic, teachers=teachers, device=device
        )
        store.put(
            self.kind,
            self.fingerprint,
            self.spec.as_json(),
            lambda folder: write_atomic(folder / RECORD, record.model_dump_json(indent=1)),
        )

    def _judge(
        self, target: Target, synthetic: Synthetic | None, teachers: Sequence[Teacher], device: torch.device
    ) -> RunResult:
        return judge(
            MemoryImages(synthetic.images, synthetic.labels) if synthetic is not None else target.train,
            target=target,
            settings=self.spec.settings,
            student=self.spec.student,
            seed=self.spec.seed,
            teachers=pool_for(self.spec.settings, teachers, target) if teachers else None,
            soft_labels=own_logits(synthetic, self.spec) if synthetic is not None else None,
            decode=synthetic.manifest.decode if synthetic is not None else None,
            device=device,
        )


def own_logits(synthetic: Synthetic, spec: RunSpec) -> torch.Tensor | None:
    """The set's own soft labels as logits, or what a regression compares, where the run learns from those.

    Raises:
        UserError: it has none, or a probability of 0 where logits are compared.
    """
    if spec.own_labels is None:
        return None
    if synthetic.soft_labels is None:
        raise UserError(f"{synthetic.manifest.method}: its run was planned with soft labels of its own; it has none")
    zero = spec.own_labels in ("probabilities", "unnormalised") and bool((synthetic.soft_labels == 0).any())
    if zero and spec.settings.loss == "mse-gt":
        raise UserError(f"{synthetic.manifest.method}: loss mse-gt compares logits, and a probability of 0 has none")
    return READINGS.get(spec.settings.loss, as_logits)(synthetic.soft_labels, spec.own_labels)


@dataclass(frozen=True)
class RunInput:
    """The images of a run.

    Attributes:
        images: fingerprint of the synthetic, or `whole`.
        label: of the method.
        count: number of images that a student sees; mosaics count as what they are decoded to.
        ipc: images per class, None for the whole target.
        own_labels: what their own soft labels are, None without any.
        declared: whether the set itself says so.
        learned_lr: the rate that their method learned, where that is known.
        reference: whether they are random real images.
        notes: flags of the record, besides the protocol's own.
    """

    images: str
    label: str
    count: int
    ipc: int | None
    own_labels: SoftLabelForm | None = None
    declared: bool = True
    learned_lr: float | None = None
    reference: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def whole(cls, target: Target) -> RunInput:
        return cls(WHOLE, WHOLE, len(target.train), None)


def run_job(
    target: Target,
    protocol: Protocol,
    given: RunInput,
    *,
    student: str,
    replicate: int,
    teachers: Sequence[Labeller] = (),
    whole: str | None = None,
) -> RunJob:
    """The job for one cell and one replicate.

    Args:
        teachers: who may label; the protocol says which of them do. Under static labels, only where the images bring
            none of their own.
        whole: id of the whole-target protocol to score against, in place of the one that `protocol` names.

    Raises:
        UserError: labels are asked for, and nobody is there to give them, or another number of teachers than the
            protocol has weights for.
    """
    settings, flags = protocol.resolve(target, given.ipc, student)
    mark = mark_of(protocol, whole=whole)
    if mark.counterparts.hard and hard_itself(protocol, target, given.ipc, student):
        mark = mark.model_copy(update={"counterparts": mark.counterparts.model_copy(update={"hard": None})})
    settings = _rates_for(settings, given)
    own_labels = given.own_labels if settings.labels == "static" else None
    labelling = () if own_labels else labellers(settings, teachers)
    if settings.soft and not labelling and not own_labels:
        raise UserError(_nobody_labels(protocol, settings, given))
    if labelling and settings.teacher_weights and len(settings.teacher_weights) != len(labelling):
        raise UserError(
            f"{protocol.id}: weighs its {len(settings.teacher_weights)} teachers ({', '.join(settings.pool)}), and"
            f" {len(labelling)} would label"
        )
    spec = RunSpec(
        images=given.images,
        target=target.fingerprint,
        protocol=protocol.id,
        protocol_hash=protocol.hash,
        settings=settings,
        student=student,
        teachers=tuple(teacher.fingerprint for teacher in labelling),
        ipc=given.ipc,
        replicate=replicate,
        own_labels=own_labels,
        sources=sources_of(student, settings),
    )
    return RunJob(
        target.spec,
        target.fingerprint,
        spec=spec,
        mark=mark,
        label=given.label,
        images=given.count,
        flags=(*flags, *given.notes, *form_flags(own_labels, given), *source_notes(spec.sources)),
    )


def hard_itself(protocol: Protocol, target: Target, ipc: int | None, student: str) -> bool:
    """Whether in this cell the protocol is its own hard-label counterpart, so that A_sh is A_sa."""
    settings, named = protocol.resolve(target, ipc, student)[0], protocol.counterparts.hard
    if settings.soft or named is None:
        return not settings.soft
    return is_own_hard(settings, load_protocol(named).resolve(target, ipc, student)[0])


def form_flags(form: SoftLabelForm | None, given: RunInput) -> list[str]:
    """A flag where a set's own soft labels are taken for what it does not declare."""
    if form is None or given.declared:
        return []
    return [f"its soft labels are taken for {form}: the set does not declare what they are"]


def _rates_for(settings: Settings, given: RunInput) -> Settings:
    """Where a learned rate spares a set the search, only sets without one, and random images, are searched for."""
    if settings.lr_search_for == "both" or given.reference or given.learned_lr is None or not settings.lr_search:
        return settings
    return settings.model_copy(update={"lr_search": None, "lr": given.learned_lr})


def _nobody_labels(protocol: Protocol, settings: Settings, given: RunInput) -> str:
    if settings.labels == "online":
        return f"protocol {protocol.id} labels with a teacher, and none was given"
    return f"protocol {protocol.id} has soft labels; {given.label} brings none, and no teacher was given to make them"


def record_of(job: RunJob, store: Store, *, label: str | None = None) -> Record:
    """A finished run under its present names: those decide no number, so a stored record may hold older ones."""
    path = store.path(RunJob.kind, job.fingerprint) / RECORD
    names = {"method": label or job.label, "protocol": job.mark}
    return Record.model_validate_json(path.read_text()).model_copy(update=names)
