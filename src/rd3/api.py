"""The public verbs. Each makes jobs, does what the store lacks, and reads the answer from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.scores.intervals import Interval, t_interval
from rd3.squeeze.spec import teacher_spec
from rd3.squeeze.teacher import Teacher
from rd3.study.bench import Bench, keep_teacher, require_same_target, score_jobs
from rd3.study.executors.base import Executor, Listener, Silent
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import WHOLE, RunJob, record_of
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.jobs.teacher import TeacherJob, stored_teacher
from rd3.study.plan import RANDOM, synthetic_job
from rd3.study.ranking import rows
from rd3.study.records import Record
from rd3.study.run import StudyResult
from rd3.study.run import run_study as run_planned_study
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.training.recipe import Recipe


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        accuracies: last-epoch test accuracy of every replicate, fractions.
        interval: their mean with a 95 % t-interval over student seeds.
        seconds: mean seconds a run.
        records: of the runs.
    """

    accuracies: tuple[float, ...]
    interval: Interval
    seconds: float
    records: tuple[Record, ...]

    def __str__(self) -> str:
        text = f"{100 * self.interval.mean:.1f}"
        if self.interval.low is not None and self.interval.high is not None:
            text += f" ± {50 * (self.interval.high - self.interval.low):.1f} (95 % t, n={len(self.accuracies)})"
        else:
            text += f" (n={len(self.accuracies)}: no interval)"
        return f"{text}, {self.seconds:.1f} s a run"


@dataclass(frozen=True)
class ScoreCard:
    """What `score` found: one row of a ranking (see the schema in `rd3.study.ranking`)."""

    row: dict[str, Any]

    def __str__(self) -> str:
        parts = []
        for name in ("accuracy", "random", "whole", "hlr", "ior", "lrs", "ars"):
            value = self.row[name]
            if value is not None:
                half = "" if value["low"] is None else f" ± {(value['high'] - value['low']) / 2:.3f}"
                parts.append(f"{name} {value['mean']:.3f}{half}")
        return f"{self.row['method']}, IPC {self.row['ipc']}, {self.row['protocol']['id']}: {', '.join(parts)}"


def squeeze(
    target: Target,
    *,
    model: str = "convnet3-bn",
    recipe: Recipe | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    store: Store | None = None,
    device: str = "auto",
    listener: Listener | None = None,
) -> Teacher:
    """Train a teacher on `target`, or take it from the store.

    Args:
        model: name of the architecture.
        recipe: a recipe, the name of one, or None for the target's default.
        epochs: in place of the recipe's.
    """
    spec = teacher_spec(target, model, recipe=recipe, epochs=epochs, seed=seed)
    job = TeacherJob(target.spec, target.fingerprint, spec=spec, train_images=len(target.train))
    store = store or Store()
    _do([job], store, choose_executor(device, workers=1), listener)
    return stored_teacher(store, job.fingerprint, target)


def distill(
    method: str,
    target: Target,
    teacher: Teacher | Sequence[Teacher] | None = None,
    *,
    ipc: int,
    seed: int = 0,
    store: Store | None = None,
    device: str = "auto",
    listener: Listener | None = None,
    **settings: Any,
) -> Synthetic:
    """Distil `target` with `method`, or take the result from the store.

    Args:
        teacher: one, or several for methods that use a pool; the others take the first.
        ipc: images per class.
        seed: which draw.
        settings: in place of the paper's, for instance `iterations=500`.

    Raises:
        UserError: unknown method or setting, a missing teacher, or fewer images in a class than `ipc`.
    """
    store = store or Store()
    teachers = () if teacher is None else (teacher,) if isinstance(teacher, Teacher) else tuple(teacher)
    job = distill_job(method, target, *teachers, ipc=ipc, draw=seed, changes=settings)
    for one in teachers:
        require_same_target(one, target)
        keep_teacher(one, store)
    _do([job], store, choose_executor(device, workers=1), listener)
    return stored_synthetic(store, job.fingerprint)


def distill_job(
    method: str, target: Target, *teachers: Teacher, ipc: int, draw: int = 0, changes: dict[str, Any]
) -> SyntheticJob:
    """The job behind `distill`."""
    return synthetic_job(
        target,
        method,
        ipc=ipc,
        teacher=(teachers[0].fingerprint, teachers[0].name) if teachers else None,
        pool=tuple(teacher.fingerprint for teacher in teachers[1:]),
        draw=draw,
        changes=changes,
    )


def evaluate(
    synthetic: Synthetic,
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teacher | None = None,
    student: str | None = None,
    seeds: int = 5,
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Evaluation:
    """Judge `synthetic` under a locked protocol.

    Args:
        protocol: id of a shipped protocol, or path of a protocol file.
        teacher: who labels, for protocols with soft labels.
        student: architecture; the teacher's by default, `convnet3-bn` without one.
        seeds: replicates; each is one student.
        workers: processes; more than one needs the usual `if __name__ == "__main__"` guard in scripts.
    """
    store = store or Store()
    bench = Bench(target, teacher, student, seeds, store)
    jobs = bench.runs(load_protocol(protocol), bench.keep(synthetic))
    _do(jobs, store, choose_executor(device, workers=workers), listener)
    records = tuple(record_of(job, store) for job in jobs)
    accuracies = tuple(record.accuracy for record in records)
    seconds = fmean(record.seconds.train + record.seconds.relabel + record.seconds.report for record in records)
    return Evaluation(accuracies, t_interval(accuracies), seconds, records)


def score(
    synthetic: Synthetic,
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teacher | None = None,
    student: str | None = None,
    seeds: int = 5,
    whole: str | None = None,
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> ScoreCard:
    """HLR, IOR, LRS and ARS of `synthetic` (DD-Ranking, arXiv 2505.13300), with its references.

    The references (random subsets, the whole target) are trained once for all methods and come from the store later.

    Args:
        whole: protocol for the whole target, in place of the one that `protocol` names; `none` leaves HLR out.

    Raises:
        UserError: as `evaluate` does, or a protocol that only serves the scores of others.
    """
    store = store or Store()
    bench = Bench(target, teacher, student, seeds, store, whole)
    judge = load_protocol(protocol)
    if judge.purpose != "ranking":
        raise UserError(f"protocol {judge.id} only serves the scores of others; score under the protocol that names it")
    own, references = score_jobs(synthetic, bench, judge)
    unique = {job.key: job for job in [*own, *references]}
    _do(list(unique.values()), store, choose_executor(device, workers=workers), listener)
    label = synthetic.manifest.method
    label = f"{label} (this set)" if label in (RANDOM, WHOLE) else label  # not to be taken for the reference
    records = [record_of(job, store, label=label) for job in own]
    records += [record_of(job, store) for job in references if isinstance(job, RunJob)]
    return ScoreCard(next(r for r in rows(records) if r["method"] == label and r["protocol"]["id"] == judge.id))


def run_study(
    study: StudySpec | str,
    *,
    store: Store | None = None,
    folder: Path | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> StudyResult:
    """Run a study (a spec, a file, or the name of a shipped one), and write its folder.

    Returns:
        The ranking's rows, a sentence for each group, and where everything is.
    """
    spec = load_study(study) if isinstance(study, str) else study
    executor = choose_executor(device, workers=workers)
    return run_planned_study(spec, store or Store(), executor, folder=folder, listener=listener)


def _do(jobs: Sequence[Job], store: Store, executor: Executor, listener: Listener | None) -> None:
    executor.run(jobs, store, listener or Silent())
