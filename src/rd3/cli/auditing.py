"""What `rd3 audit` does: plan, run, show, write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of
from rd3.cli.live import Live
from rd3.cli.options import worker_count
from rd3.cli.planned import planned_teachers
from rd3.cli.reading import reading_arguments
from rd3.cli.retyped import retyped
from rd3.cli.study_run import table_console
from rd3.data.load import load_target
from rd3.models import create_model
from rd3.report.audit import PAGE, write_audit_page
from rd3.report.audit_terminal import factor_table, print_audit, print_rectification
from rd3.report.format import seconds as duration
from rd3.study.audit.cell import Cell
from rd3.study.audit.prepare import keep_images, prepare_audit, prepare_rectification, write_audit
from rd3.study.audit.rectification import Rectification
from rd3.study.audit.rectify import run_rectification
from rd3.study.audit.result import Audit
from rd3.study.audit.run import AuditPlan, factors_of, name_of, run_audit
from rd3.study.estimate import Estimator
from rd3.study.executors.base import Executor, missing_jobs
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.base import Job
from rd3.study.records import Record
from rd3.synthetic import read_synthetic
from rd3.synthetic.artifact import Synthetic
from rd3.training.device import pick_device

if TYPE_CHECKING:
    from rd3.cli.verbs.audit import Methods, Pair, Runs


class Workshop:
    """The options that all audits share, made into things: target, cell, teacher, store, executor."""

    def __init__(self, options: Runs, target: str) -> None:
        self.options, self.store, self.console = options, options.store(), table_console()
        self.target = load_target(target)
        student = options.student or options.teacher_models[0]
        create_model(
            student, classes=len(self.target.classes), size=self.target.size, channels=self.target.channels, seed=0
        )
        teachers, self.before = planned_teachers(options, self.target, options.device, self.store)
        self.cell = Cell(self.target, student, tuple(teachers), options.epochs_scale)
        self.workers = worker_count(options)
        self.estimator = Estimator(pick_device(options.device))

    def read(self, place: str | Path) -> Synthetic:
        return read_synthetic(Path(place), target=self.target, **reading_arguments(self.options))

    def teachers_for(self, runs: Sequence[Job]) -> list[Job]:
        """The jobs of the teachers that any of the runs needs."""
        return [job for job in self.before if any(job.key in run.needs for run in runs)]

    def show_plan(self, runs: Sequence[Job]) -> None:
        """How many trainings there are, how many of them are done, and how long the rest will take."""
        before = self.teachers_for(runs)
        missing = missing_jobs([*before, *runs], self.store)
        squeezes = sum(job in missing for job in before)
        teacher = f" and {squeezes} teacher{'s' * (squeezes > 1)}" if squeezes else ""
        todo = len(missing) - squeezes
        seconds = sum(map(self.estimator.seconds, missing)) / self.workers
        self.console.print(
            f"{len(runs)} trainings: {len(runs) - todo} in the store, {todo}{teacher} to do;"
            f" about {duration(seconds)} with {self.workers} worker(s)",
            highlight=False,
        )

    def executor(self) -> Executor:
        return choose_executor(self.options.device, workers=self.workers)

    def live(self) -> Live:
        return Live(self.estimator.seconds, workers=self.workers)

    def finish(self, found: Audit | Rectification, records: Sequence[Record], words: Sequence[str], name: str) -> None:
        """Write the folder, and say where it is."""
        work = fingerprint_of("audit", [name, sorted(record.fingerprint for record in records)])
        folder = self.options.out or self.store.home / "audit" / f"{_plain(name)}-{work[:6]}"
        written = write_audit(found, records, folder)
        write_audit_page(found, folder / PAGE, command=retyped("audit", words, self.options))
        self.console.print(f"\nPage: {folder / PAGE}\nData: {written}", markup=False, soft_wrap=True, highlight=False)


def audit(options: Pair, words: Sequence[str]) -> int:
    """Audit two protocols on one synthetic, or two synthetics under theirs.

    Args:
        words: the subcommand, the synthetics and the target.
    """
    kind, *places, target = words
    shop = Workshop(options, target)
    synthetics = [shop.read(place) for place in places]
    plan = prepare_audit(
        shop.cell,
        synthetics[0],
        synthetics[1] if kind == "two" else None,
        (options.start, options.end),
        seeds=options.seeds,
        published=_fraction(options.published),
        order=options.order,
        exact_up_to=options.exact_up_to,
        permutations=options.permutations,
    )
    runs = list(plan.jobs.values())
    shop.show_plan(runs)
    if options.plan:
        _show_factors(shop.console, plan)
        return 0
    keep_images(synthetics, shop.target, shop.store)
    before = shop.teachers_for(runs)
    with shop.live().shown() as listener:
        found, records = run_audit(plan, shop.store, shop.executor(), before=before, listener=listener)
    print_audit(shop.console, found)
    sides = f"{found.start.protocol}-{found.end.protocol}"
    shop.finish(found, records, words, f"{found.end.method}-{found.target}-ipc{found.ipc}-{sides}")
    return 0


def rectify(options: Methods) -> int:
    """Compare methods under their own protocols and under one."""
    shop = Workshop(options, options.target)
    pairs = [_pair(word) for word in options.methods]
    methods = [(shop.read(place), protocol) for place, protocol in pairs]
    plan = prepare_rectification(shop.cell, methods, options.to, seeds=options.seeds)
    runs = list(plan.jobs.values())
    shop.show_plan(runs)
    if options.plan:
        return 0
    keep_images([synthetic for synthetic, _ in methods], shop.target, shop.store)
    with shop.live().shown() as listener:
        found, records = run_rectification(
            plan, shop.store, shop.executor(), before=shop.teachers_for(runs), listener=listener
        )
    print_rectification(shop.console, found)
    shop.finish(found, records, ["methods", *options.methods], f"methods-{found.target}-ipc{found.ipc}-{found.common}")
    return 0


def _show_factors(console: Console, plan: AuditPlan) -> None:
    case, design = plan.case, plan.design
    console.print(factor_table(factors_of(case), name_of(case.start), name_of(case.end)))
    if not case.factors:
        console.print("Nothing differs.")
    elif design.exact:
        console.print(f"{len(case.factors)} factors: all {2 ** len(case.factors)} mixtures", highlight=False)
    else:
        console.print(f"{len(case.factors)} factors: {len(design.orders[0])} orders a seed", highlight=False)


def _fraction(percent: float | None) -> float | None:
    """A published accuracy, from percent.

    Raises:
        UserError: it cannot be one, or looks like a fraction.
    """
    if percent is not None and not 1 < percent <= 100:
        raise UserError(f"published = {percent:g}: is in percent, for instance 53.9; allowed is above 1, up to 100")
    return None if percent is None else percent / 100


def _pair(word: str) -> tuple[str, str]:
    place, equals, protocol = word.rpartition("=")
    if not equals or not place or not protocol:
        raise UserError(f"{word}: expected SYNTHETIC=PROTOCOL, for instance my_images/=rd3")
    return place, protocol


def _plain(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip("-")
