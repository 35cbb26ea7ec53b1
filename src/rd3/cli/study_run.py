"""Plan, run, report: what `rd3 demo` and `rd3 study run` share."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console

from rd3.cli.live import Live
from rd3.cli.options import StudentPlace, worker_count
from rd3.report.format import seconds as duration
from rd3.report.format import size as byte_count
from rd3.report.page import write_page
from rd3.report.ranking import Row
from rd3.report.study import report_data
from rd3.report.terminal import print_ranking
from rd3.study.estimate import Estimator
from rd3.study.executors.base import missing_jobs
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.base import Job
from rd3.study.jobs.synthetic import SyntheticJob
from rd3.study.plan import Plan, make_plan
from rd3.study.run import run_study
from rd3.study.spec import StudySpec
from rd3.study.store import Store
from rd3.training.device import pick_device

PIPED_WIDTH = 120
KINDS = {"teacher": "teachers", "synthetic": "syntheses", "run": "runs"}


def table_console() -> Console:
    """Where tables go: as wide as the terminal, and wide enough for a row where there is none."""
    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH)


def run(study: StudySpec, place: StudentPlace, *, plan_only: bool, command: str, folder: Path | None = None) -> int:
    """Run a study and show its ranking and report; with `plan_only`, show what would be done."""
    console = table_console()
    store = place.store()
    plan = make_plan(study)
    workers = worker_count(place)
    estimator = Estimator(pick_device(place.device))
    missing = missing_jobs(plan.jobs, store)
    _show_plan(console, study, plan, missing, estimator, store, workers, verbose=plan_only)
    if plan_only:
        return 0
    live = Live(estimator.seconds, workers=workers)
    with live.shown() as listener:
        executor = choose_executor(place.device, workers=workers)
        result = run_study(study, store, executor, plan=plan, folder=folder, listener=listener)
    print_ranking(console, [Row.model_validate(row) for row in result.rows], result.sentences)
    page = result.folder / "report.html"
    write_page(report_data(result.folder, command=command), page)
    console.print(f"Ranking: {result.folder / 'ranking.json'}\nReport:  {page}", markup=False, soft_wrap=True)
    return 0


def _show_plan(
    console: Console,
    study: StudySpec,
    plan: Plan,
    missing: list[Job],
    estimator: Estimator,
    store: Store,
    workers: int,
    *,
    verbose: bool,
) -> None:
    """Counts a kind, and the estimates of time and bytes for what is missing."""
    for kind, name in KINDS.items():
        jobs = [job for job in plan.jobs if job.kind == kind]
        todo = [job for job in missing if job.kind == kind]
        if jobs:
            stored = sum(store.has(job.kind, job.fingerprint) for job in jobs)
            console.print(f"{len(jobs):5d} {name}: {stored} in the store, {len(todo)} to do", highlight=False)
        if verbose:
            for job in todo:
                needs = [f"about {duration(estimator.seconds(job))}"]
                if isinstance(job, SyntheticJob):
                    needs.append(f"at most {byte_count(job.memory(estimator.device))} of memory")
                console.print(f"        {job.title} ({', '.join(needs)})", markup=False)
    seconds = sum(map(estimator.seconds, missing)) / workers
    size = sum(map(estimator.bytes, missing))
    console.print(
        f"{study.name}: about {duration(seconds)} with {workers} worker(s),"
        f" {byte_count(size)} to store in {store.root}",
        markup=False,
        highlight=False,
    )
