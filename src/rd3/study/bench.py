"""One synthetic on the judge's bench: the jobs behind `rd3.evaluate` and `rd3.score`."""

from __future__ import annotations

from collections.abc import Sequence

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.protocol import Protocol
from rd3.squeeze.files import save_teacher
from rd3.squeeze.teacher import Teacher
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import WHOLE, RunJob, run_job
from rd3.study.jobs.synthetic import FOLDER, SyntheticJob, SyntheticSpec, stored_synthetic
from rd3.study.jobs.teacher import TeacherJob
from rd3.study.plan import NOTHING, RANDOM, counterparts, load_whole, synthetic_job
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check


class Bench:
    """Where one synthetic is judged: target, teacher, student and seeds."""

    def __init__(
        self,
        target: Target,
        teacher: Teacher | None,
        student: str | None,
        seeds: int,
        store: Store,
        whole: str | None = None,
    ) -> None:
        if seeds < 1:
            raise UserError(f"seeds = {seeds}: at least 1 is needed")
        self.target, self.teacher, self.seeds, self.store = target, teacher, seeds, store
        self.whole = load_whole(whole).id if whole not in (None, NOTHING) else whole
        self.student = student or (teacher.name if teacher else "convnet3-bn")
        if teacher is not None:
            require_same_target(teacher, target)
            keep_teacher(teacher, store)

    def keep(self, synthetic: Synthetic) -> tuple[Synthetic, ...]:
        """Put a synthetic that was made elsewhere into the store.

        Raises:
            UserError: it does not fit the target, or is not what the store has under its fingerprint.
        """
        check(synthetic, self.target)
        fingerprint = synthetic.manifest.fingerprint
        if self.store.has(SyntheticJob.kind, fingerprint):
            if stored_synthetic(self.store, fingerprint).content_fingerprint != synthetic.content_fingerprint:
                raise UserError(
                    f"{synthetic.manifest.method}: its images or labels were changed since {fingerprint} was made; give"
                    " the manifest of the changed set a fingerprint of its own"
                )
        else:
            self.store.put(
                SyntheticJob.kind,
                fingerprint,
                {"origin": synthetic.manifest.origin},
                lambda folder: synthetic.save(folder / FOLDER),
            )
        return (synthetic,)

    def runs(self, protocol: Protocol, draws: Sequence[Synthetic | SyntheticSpec]) -> list[RunJob]:
        """One run a seed; seed r takes draw r, modulo their number."""
        return [self._run(protocol, replicate, draws[replicate % len(draws)]) for replicate in range(self.seeds)]

    def _run(self, protocol: Protocol, replicate: int, made: Synthetic | SyntheticSpec) -> RunJob:
        if isinstance(made, Synthetic):
            fingerprint, label, count = made.manifest.fingerprint, made.manifest.method, len(made)
            ipc = made.ipc or round(count / len(self.target.classes))
            notes = () if made.ipc else (f"unbalanced: {count} images in all, held against random ones of IPC {ipc}",)
        else:
            notes = ()
            fingerprint, label, ipc = made.fingerprint, made.label, made.ipc
            count = ipc * len(self.target.classes)
        return self._job(protocol, replicate, images=fingerprint, label=label, count=count, ipc=ipc, notes=notes)

    def whole_runs(self, protocol: Protocol) -> list[RunJob]:
        count = len(self.target.train)
        return [
            self._job(protocol, replicate, images=WHOLE, label=WHOLE, count=count, ipc=None)
            for replicate in range(self.seeds)
        ]

    def _job(
        self,
        protocol: Protocol,
        replicate: int,
        *,
        images: str,
        label: str,
        count: int,
        ipc: int | None,
        notes: tuple[str, ...] = (),
    ) -> RunJob:
        job = run_job(
            self.target,
            protocol,
            student=self.student,
            replicate=replicate,
            images=images,
            label=label,
            count=count,
            ipc=ipc,
            teachers=(self.teacher.fingerprint,) if self.teacher else (),
            whole=self.whole,
            notes=notes,
        )
        if job.spec.settings.soft and not job.spec.teachers:
            raise UserError(f"protocol {protocol.id} labels with a teacher, and none was given")
        return job


def score_jobs(synthetic: Synthetic, bench: Bench, protocol: Protocol) -> tuple[list[RunJob], list[Job]]:
    """All that the scores of one synthetic need: its own runs, and the references with their random subsets."""
    draws = bench.keep(synthetic)
    ipc = synthetic.ipc or round(len(synthetic) / len(bench.target.classes))
    random_draws = [
        synthetic_job(bench.target, RANDOM, ipc=ipc, teacher=None, draw=replicate) for replicate in range(bench.seeds)
    ]
    own: list[RunJob] = []
    references: list[Job] = list(random_draws)
    for one in (protocol, *counterparts(protocol, NOTHING)):
        own += bench.runs(one, draws)
        references += bench.runs(one, [job.spec for job in random_draws])
    whole_id = bench.whole or protocol.counterparts.whole
    if whole_id not in (None, NOTHING):
        references += bench.whole_runs(load_whole(str(whole_id)))
    return own, references


def require_same_target(teacher: Teacher, target: Target) -> None:
    """Refuse a teacher whose accuracy was measured on other data: it says nothing about its labels here."""
    if teacher.target not in (None, target.fingerprint):
        raise UserError(
            f"teacher {teacher.name} was trained and tested on other data than {target.name}; squeeze {target.name}, or"
            " bring the file with rd3.bring_teacher, which tests it there"
        )


def keep_teacher(teacher: Teacher, store: Store) -> None:
    """Put a teacher that was brought from elsewhere into the store."""
    if not store.has(TeacherJob.kind, teacher.fingerprint):
        facts = {"origin": "brought", "name": teacher.name}
        store.put(TeacherJob.kind, teacher.fingerprint, facts, lambda folder: save_teacher(teacher, folder))
