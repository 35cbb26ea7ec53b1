"""`rd3 score --plan`: the trainings by what they are, stored and missing, with the time the missing ones would take."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

import rd3.api
from rd3.cli.judging import need_teachers, read_inputs
from rd3.cli.options import StudentPlace, worker_count
from rd3.cli.planned import planned_teachers
from rd3.cli.scoring import Request
from rd3.cli.study_run import table_console
from rd3.report.format import seconds as duration
from rd3.study.estimate import Estimator
from rd3.study.executors.base import missing_jobs
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunJob
from rd3.study.scoring import PARTS, ScoreJobs
from rd3.study.store import Store
from rd3.training.device import pick_device


def show_plan(request: Request, place: StudentPlace) -> int:
    """Print every student's trainings; nothing is trained, and nothing is written."""
    console, store = table_console(), place.store()
    synthetic, target = read_inputs(request.judged, request.target)
    for line in request.notices(synthetic, target):
        _say(console, line)
    estimator = Estimator(pick_device(place.device))
    needed = need_teachers(request.judged, synthetic, target, references=True)
    labellers, squeezed = planned_teachers(request.judged, target, place.device) if needed else ([], [])
    jobs: dict[object, Job] = {job.key: job for job in squeezed}
    for student in request.judged.students:
        planned = rd3.api.plan_score(
            synthetic,
            target,
            protocol=request.judged.protocol,
            teacher=labellers,
            student=student,
            seeds=request.seeds,
            whole=request.arguments["whole"],
            scores=request.arguments["scores"],
            selection=request.judged.selection,
            store=store,
        )
        _show_parts(console, planned, student, store, estimator)
        jobs |= {job.key: job for job in planned.all}
    _show_total(console, missing_jobs(jobs.values(), store), estimator, worker_count(place))
    return 0


def _show_parts(console: Console, planned: ScoreJobs, student: str, store: Store, estimator: Estimator) -> None:
    _say(console, f"{planned.protocol.id}, student {student}:")
    seen: set[object] = set()
    for name, runs in planned.parts.items():
        symbol, title = PARTS[name]
        missing = [run for run in runs if not store.has(run.kind, run.fingerprint)]
        to_do = [run for run in missing if run.key not in seen]
        seen |= {run.key for run in runs}
        counts = f"{len(runs) - len(missing)} stored, {len(to_do)} missing"
        if missing and not to_do:
            counts = "the same trainings as above"
        time = f", about {duration(sum(map(estimator.seconds, to_do)))}" if to_do else ""
        _say(console, f"  {symbol}  {title} ({runs[0].mark.id}): {counts}{time}")


def _show_total(console: Console, missing: Sequence[Job], estimator: Estimator, workers: int) -> None:
    others = [job for job in missing if not isinstance(job, RunJob)]
    for job in others:
        _say(console, f"to make first: {job.title}")
    runs, time = len(missing) - len(others), duration(sum(map(estimator.seconds, missing)) / workers)
    _say(console, f"{runs} trainings missing, about {time} with {workers} worker(s); nothing was trained")


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
