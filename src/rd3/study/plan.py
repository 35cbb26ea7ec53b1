"""Study -> jobs: which teachers, syntheses and runs are needed, each once however many cells share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.protocol import Protocol
from rd3.methods.base import METHODS, require_enough
from rd3.models import create_model
from rd3.squeeze.spec import teacher_spec
from rd3.study.jobs.base import Job, cached_target
from rd3.study.jobs.run import RunInput, RunJob, run_job
from rd3.study.jobs.synthetic import SyntheticJob, SyntheticSpec, synthetic_spec
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.labellers import Labeller
from rd3.study.spec import MethodEntry, StudySpec, TeacherEntry

RANDOM = "random"
NOTHING = "none"  # in place of a protocol's name


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
    protocols = with_counterparts([load_protocol(name) for name in study.protocols], study.whole)
    jobs: dict[object, Job] = {}
    for target_spec in study.targets:
        for job in _target_jobs(study, cached_target(target_spec), protocols):
            jobs.setdefault(job.key, job)
    order = {TeacherJob: 0, SyntheticJob: 1, RunJob: 2}
    return Plan(tuple(sorted(jobs.values(), key=lambda job: order[type(job)])), tuple(protocols))  # type: ignore[index]


def _target_jobs(study: StudySpec, target: Target, protocols: list[Protocol]) -> Iterator[Job]:
    teachers = [teacher_job(target, entry) for entry in study.pool]
    _check_models(study, target)
    synthetics = list(_synthetic_jobs(study, target, teachers))
    runs = list(_run_jobs(study, target, teachers, synthetics, protocols))
    needed = {need for job in [*synthetics, *runs] for need in job.needs}
    yield from (teacher for teacher in teachers if teacher.key in needed)
    yield from synthetics
    yield from runs


def teacher_job(target: Target, entry: TeacherEntry) -> TeacherJob:
    """The job that squeezes the target into one teacher."""
    spec = teacher_spec(target, entry.model, recipe=entry.recipe, epochs=entry.epochs, seed=entry.seed)
    return TeacherJob(target.spec, target.fingerprint, spec=spec, train_images=len(target.train))


def _check_models(study: StudySpec, target: Target) -> None:
    for model in (*(teacher.model for teacher in study.pool), *study.students):
        create_model(model, classes=len(target.classes), size=target.size, channels=target.channels, seed=0)


def with_counterparts(protocols: Iterable[Protocol], whole: str | None) -> list[Protocol]:
    """The protocols and all that their scores need, each once."""
    found: dict[str, Protocol] = {}
    for protocol in protocols:
        _require_ranking(protocol)
        for one in (protocol, *counterparts(protocol, whole)):
            if found.setdefault(one.id, one).hash != one.hash:
                raise UserError(f"two protocols have the id {one.id}; give one of the files another")
    return list(found.values())


def counterparts(protocol: Protocol, whole: str | None) -> list[Protocol]:
    """Those that HLR, LRS and ARS of `protocol` need besides itself."""
    names = [protocol.counterparts.hard, protocol.counterparts.plain, whole or protocol.counterparts.whole]
    return [load_protocol(str(name)) for name in names if name not in (None, NOTHING)]


def ranking_protocol(name: str) -> Protocol:
    """A protocol that methods are ranked and scored under.

    Raises:
        UserError: it only serves the scores of others.
    """
    protocol = load_protocol(name)
    _require_ranking(protocol)
    return protocol


def _require_ranking(protocol: Protocol) -> None:
    if protocol.purpose != "ranking":
        raise UserError(f"protocol {protocol.id} only serves the scores of others; name the one that it serves")


def load_whole(name: str) -> Protocol:
    """A protocol for the whole target.

    Raises:
        UserError: it is one that methods are ranked under.
    """
    protocol = load_protocol(name)
    if protocol.purpose == "ranking":
        raise UserError(f"whole = {name}: methods are ranked under it; the whole target needs a protocol of its own")
    return protocol


def _synthetic_jobs(study: StudySpec, target: Target, teachers: Sequence[TeacherJob]) -> Iterator[SyntheticJob]:
    entries = list(study.methods)
    if all(entry.name != RANDOM for entry in entries):
        entries.append(MethodEntry(name=RANDOM))  # the reference that stands beside every method
    for entry in entries:
        draws = study.seeds if METHODS[entry.name].fresh_draws else min(study.draws, study.seeds)
        for ipc in study.ipc:
            for draw in range(draws):
                yield synthetic_job(
                    target,
                    entry.name,
                    ipc=ipc,
                    teacher=(teachers[0].fingerprint, teachers[0].spec.model),
                    pool=tuple(teacher.fingerprint for teacher in teachers[1:]),
                    pool_models=tuple(teacher.spec.model for teacher in teachers[1:]),
                    draw=draw,
                    changes=entry.settings,
                )


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
    study: StudySpec,
    target: Target,
    teachers: list[TeacherJob],
    synthetics: list[SyntheticJob],
    protocols: list[Protocol],
) -> Iterator[RunJob]:
    labellers = [Labeller(teacher.fingerprint, teacher.spec.model) for teacher in teachers]
    by_cell: dict[tuple[str, int], list[SyntheticJob]] = {}
    for job in synthetics:
        by_cell.setdefault((job.spec.label, job.spec.ipc), []).append(job)
    named = {study.whole or protocol.counterparts.whole for protocol in protocols} - {None, NOTHING}
    wholes = {load_whole(str(name)).id for name in named}
    override = NOTHING if study.whole == NOTHING else study.whole and load_whole(study.whole).id
    for protocol in protocols:
        for student in study.students:
            for replicate in range(study.seeds):
                if protocol.id in wholes:
                    yield run_job(target, protocol, RunInput.whole(target), student=student, replicate=replicate)
                    continue
                for draws in by_cell.values():
                    yield run_job(
                        target,
                        protocol,
                        planned_input(target, draws[replicate % len(draws)].spec),
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
        own_labels="logits" if METHODS[spec.method].soft_labels else None,
        reference=spec.method == RANDOM,
        notes=notes,
    )
