"""Study -> jobs: which teachers, syntheses and runs are needed, each once however many cells share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rd3.base.blame import plugins_blamed
from rd3.base.errors import UserError, suggestion
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.protocol import Protocol
from rd3.methods.base import METHODS, require_enough
from rd3.models import create_model
from rd3.squeeze.brought import brought_spec
from rd3.study.asked import RANDOM, Asked, asked_protocols, entries_of
from rd3.study.jobs.base import Job, cached_target
from rd3.study.jobs.brought import BroughtJob, brought_job
from rd3.study.jobs.run import RunInput, RunJob, run_job
from rd3.study.jobs.synthetic import SyntheticJob, SyntheticSpec, synthetic_spec
from rd3.study.jobs.teacher import TeacherJob, squeeze_job
from rd3.study.labellers import Labeller
from rd3.study.labels import label_of, teacher_name
from rd3.study.records import NOTHING
from rd3.study.spec import MethodEntry, StudySpec, TeacherEntry

Squeezes = TeacherJob | BroughtJob


@dataclass(frozen=True)
class Plan:
    """The jobs of a study in an order in which each comes after what it needs, and the protocols in use."""

    jobs: tuple[Job, ...]
    protocols: tuple[Protocol, ...]

    def of(self, kind: type[Job]) -> list[Job]:
        return [job for job in self.jobs if isinstance(job, kind)]

    @property
    def runs(self) -> list[RunJob]:
        return [job for job in self.jobs if isinstance(job, RunJob)]


def make_plan(study: StudySpec) -> Plan:
    """All jobs of `study`, without doing any.

    Raises:
        UserError: any name, setting, IPC or size that would fail later fails here.
    """
    asked = asked_protocols(study)
    jobs: dict[object, Job] = {}
    for target_spec in study.targets:
        for job in _target_jobs(study, cached_target(target_spec), asked):
            jobs.setdefault(job.key, job)
    order = {TeacherJob: 0, BroughtJob: 0, SyntheticJob: 1, RunJob: 2}
    ordered = sorted(jobs.values(), key=lambda job: order[type(job)])  # type: ignore[index]
    return Plan(tuple(ordered), tuple(each.protocol for each in asked))


def _target_jobs(study: StudySpec, target: Target, asked: list[Asked]) -> Iterator[Job]:
    _check_models(study, target)
    teachers = [teacher_job(target, entry) for entry in study.pool]
    own = own_teachers(study, target)
    draws = list(_draws(study, target, teachers, own))
    synthetics = [job for each in draws for job in each.jobs]
    runs = list(_run_jobs(study, target, teachers, draws, asked))
    needed = {need for job in [*synthetics, *runs] for need in job.needs}
    yield from {job.key: job for job in (*teachers, *own.values()) if job.key in needed}.values()
    yield from synthetics
    yield from runs


def teacher_job(target: Target, entry: TeacherEntry) -> Squeezes:
    """The job that squeezes the target into one teacher, or brings it.

    Raises:
        UserError: weights that are brought cannot be found or read, or do not fit.
    """
    if entry.source is not None:
        return brought_job(target, brought_spec(entry.source, model=entry.model, **entry.reading()))
    return squeeze_job(
        target, entry.model, recipe=entry.recipe, epochs=entry.epochs, seed=entry.seed, backbone=entry.backbone
    )


def own_teachers(study: StudySpec, target: Target) -> dict[TeacherEntry, Squeezes]:
    """The jobs that make the teachers of single methods."""
    entries = [entry.teacher for entry in study.methods if entry.teacher is not None]
    return {entry: teacher_job(target, entry) for entry in dict.fromkeys(entries)}


def _check_models(study: StudySpec, target: Target) -> None:
    teachers = (*study.pool, *(entry.teacher for entry in study.methods if entry.teacher))
    for model in (*(teacher.model for teacher in teachers), *study.students):
        create_model(model, classes=len(target.classes), size=target.size, channels=target.channels, seed=0)


def load_whole(name: str) -> Protocol:
    """A protocol for the whole target.

    Raises:
        UserError: it is one that methods are ranked under.
    """
    protocol = load_protocol(name)
    if protocol.purpose == "ranking":
        raise UserError(f"whole = {name}: methods are ranked under it; the whole target needs a protocol of its own")
    return protocol


@dataclass(frozen=True)
class Draws:
    """The independent syntheses of one method entry at one IPC; `place` is the entry's in `entries_of`."""

    place: int
    label: str
    jobs: tuple[SyntheticJob, ...]


def _draws(
    study: StudySpec, target: Target, teachers: Sequence[Squeezes], own: Mapping[TeacherEntry, Squeezes]
) -> Iterator[Draws]:
    names = {job.fingerprint: teacher_name(job) for job in own.values() if job.key != teachers[0].key}
    made_by: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for place, entry in enumerate(entries_of(study)):
        _require_known(entry)
        count = study.seeds if METHODS[entry.name].fresh_draws else min(study.draws, study.seeds)
        pool = teachers if entry.teacher is None else [own[entry.teacher]]
        for ipc in study.ipc:
            jobs = tuple(_planned_synthetic(target, entry, ipc, pool, draw) for draw in range(count))
            label, made = label_of(jobs[0].spec, names), (jobs[0].spec.teacher, jobs[0].spec.pool)
            if made_by.setdefault(label, made) != made:
                raise UserError(f"methods: two teachers (or pools) of one name for {label}; put them into two studies")
            yield Draws(place, label, jobs)


def _require_known(entry: MethodEntry) -> None:
    """Refuse a key that is neither a setting of the method nor one of the entry itself.

    Raises:
        UserError: names what is near.
    """
    settings = METHODS[entry.name].model_fields
    strange = next((key for key in entry.settings if key not in settings), None)
    if strange is not None:
        own = sorted({*MethodEntry.model_fields} - {"name"})
        hint = suggestion(strange, (*settings, *own)) or "."
        raise UserError(
            f"method {entry.name}: unknown key '{strange}'{hint} Known: {', '.join((*own, *sorted(settings)))}"
        )


def _planned_synthetic(
    target: Target, entry: MethodEntry, ipc: int, teachers: Sequence[Squeezes], draw: int
) -> SyntheticJob:
    return synthetic_job(
        target,
        entry.name,
        ipc=ipc,
        teacher=(teachers[0].fingerprint, teachers[0].spec.model),
        pool=tuple(teacher.fingerprint for teacher in teachers[1:]),
        pool_models=tuple(teacher.spec.model for teacher in teachers[1:]),
        draw=draw,
        changes=entry.settings,
    )


@plugins_blamed()
def synthetic_job(
    target: Target,
    name: str,
    *,
    ipc: int,
    teacher: tuple[str, str] | None,
    pool: tuple[str, ...] = (),
    pool_models: tuple[str, ...] = (),
    draw: int = 0,
    changes: dict[str, Any] | None = None,
) -> SyntheticJob:
    """The job that makes one synthetic.

    Args:
        teacher: its fingerprint and the name of its architecture.
        pool, pool_models: the same of further teachers, for methods that use several.

    Raises:
        UserError: unknown method or setting, too small a target, or a missing teacher.
    """
    require_enough(target, ipc)
    first = teacher[0] if teacher else None
    spec = synthetic_spec(name, target, ipc=ipc, teacher=first, pool=pool, draw=draw, changes=changes)
    if METHODS[name].needs_teacher and teacher is None:
        raise UserError(f"method {name} needs a teacher, and none was given")
    method = METHODS[name].model_validate(spec.settings)
    return SyntheticJob(
        target.spec,
        target.fingerprint,
        spec=spec,
        teacher_model=teacher[1] if teacher else None,
        images_through_network=method.cost(target, ipc),
        pool_models=pool_models,
    )


def _run_jobs(
    study: StudySpec, target: Target, teachers: list[Squeezes], draws: list[Draws], asked: list[Asked]
) -> Iterator[RunJob]:
    labellers = [Labeller(teacher.fingerprint, teacher.spec.model) for teacher in teachers]
    named = {study.whole or each.protocol.counterparts.whole for each in asked} - {None, NOTHING}
    wholes = {load_whole(str(name)).id for name in named}
    override = NOTHING if study.whole == NOTHING else study.whole and load_whole(study.whole).id
    for each in asked:
        for student in study.students:
            for replicate in range(study.seeds):
                if each.protocol.id in wholes:
                    whole = RunInput.whole(target)
                    yield run_job(target, each.protocol, whole, student=student, replicate=replicate)
                    continue
                for one in (one for one in draws if each.asks(one.place)):
                    given = planned_input(target, one.jobs[replicate % len(one.jobs)].spec)
                    yield run_job(
                        target,
                        each.protocol,
                        replace(given, label=one.label),
                        student=student,
                        replicate=replicate,
                        teachers=labellers,
                        whole=override,
                    )


def planned_input(target: Target, spec: SyntheticSpec, notes: tuple[str, ...] = ()) -> RunInput:
    """The images of a run that are still to be made."""
    return RunInput(
        spec.fingerprint,
        spec.label,
        spec.ipc * len(target.classes),
        spec.ipc,
        own_labels=METHODS[spec.method].soft_label_form if METHODS[spec.method].soft_labels else None,
        reference=spec.method == RANDOM,
        notes=notes,
    )
