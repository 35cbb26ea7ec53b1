"""The public verbs. Each makes jobs, does what the store lacks, and reads the answer from the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from rd3.base.errors import UserError
from rd3.data.spaces import PixelSpace
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.evaluation.modifiers import TEST_PEEK, Selection, selected, split_modifiers
from rd3.report.card import card_files
from rd3.report.results import results_of
from rd3.scores.definitions import USUAL_WEIGHT, require_weights
from rd3.scores.intervals import Interval
from rd3.scores.nested import by_draw, nested
from rd3.squeeze.teacher import Teacher
from rd3.study.asked import RANDOM, ranking_protocol
from rd3.study.audit.cell import Cell
from rd3.study.audit.design import EXACT_UP_TO
from rd3.study.audit.prepare import STUDENT, keep_images, prepare_audit, prepare_rectification
from rd3.study.audit.rectification import Rectification
from rd3.study.audit.rectify import run_rectification
from rd3.study.audit.result import Audit
from rd3.study.audit.run import run_audit
from rd3.study.bench import (
    Bench,
    Teachers,
    input_of,
    keep_synthetic,
    keep_teacher,
    labeller,
    listed,
    require_alike,
    require_same_target,
)
from rd3.study.executors.base import Executor, Listener, Silent
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import WHOLE, record_of
from rd3.study.jobs.synthetic import SyntheticJob, stored_synthetic
from rd3.study.jobs.teacher import squeeze_job, stored_teacher
from rd3.study.plan import synthetic_job
from rd3.study.ranking import rows
from rd3.study.records import NOTHING, Record
from rd3.study.run import StudyResult
from rd3.study.run import run_study as run_planned_study
from rd3.study.scorecard import ScoreCard, parts_of
from rd3.study.scoring import SCORES, ScoreJobs, score_jobs, with_learned_rate
from rd3.study.spec import StudySpec, load_study
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check
from rd3.synthetic.exporter import EXPORTERS
from rd3.synthetic.exporter import export as write_export
from rd3.training.recipe import Recipe


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        accuracies: last-epoch test accuracy of every replicate, fractions.
        interval: their mean with a 95 % t-interval over student seeds; of several draws that of the draws' means, each
            counting equally.
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
            runs = len(self.accuracies)
            over = f"n={runs}" if self.interval.n == runs else f"n={self.interval.n} draws, {runs} runs"
            text += f" ± {50 * (self.interval.high - self.interval.low):.1f} (95 % t, {over})"
        else:
            text += f" (n={len(self.accuracies)}: no interval)"
        return f"{text}, {self.seconds:.1f} s a run"


def squeeze(
    target: Target,
    *,
    model: str = "convnet3-bn",
    recipe: Recipe | str | None = None,
    epochs: int | None = None,
    seed: int = 0,
    backbone: str | Path | None = None,
    store: Store | None = None,
    device: str = "auto",
    listener: Listener | None = None,
) -> Teacher:
    """Train a teacher on `target`, or take it from the store.

    Args:
        model: name of the architecture.
        recipe: a recipe, the name of one, or None for the target's default.
        epochs: in place of the recipe's.
        backbone: a state dict (`.pt`) of that architecture, for instance a self-supervised one: it is frozen, and only
            a new last layer is trained (a linear probe).

    Raises:
        UserError: the backbone cannot be read, or does not fit the architecture.
    """
    job = squeeze_job(target, model, recipe=recipe, epochs=epochs, seed=seed, backbone=backbone)
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
        pool_models=tuple(teacher.name for teacher in teachers[1:]),
        draw=draw,
        changes=changes,
    )


def evaluate(
    synthetic: Synthetic | Sequence[Synthetic],
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    selection: Selection = "held-out",
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Evaluation:
    """Judge `synthetic` under a locked protocol.

    Args:
        synthetic: a set, or several draws of one method: replicate r takes draw r, modulo their number.
        protocol: id of a shipped protocol, or path of a protocol file.
        teacher: who labels, for protocols with soft labels; one teacher or a sequence. A protocol that asks for one
            takes the first, one that asks for a pool takes all.
        student: architecture; the first teacher's by default, `convnet3-bn` without one.
        seeds: replicates; each is one student.
        selection: `test-peek` chooses rates and epochs on the test split, for comparison only.
        workers: processes; more than one needs the usual `if __name__ == "__main__"` guard in scripts.

    Raises:
        UserError: anything that the judge cannot take, in one line, before the first training.
    """
    store = store or Store()
    bench = Bench(target, teacher, student, seeds, store)
    draws = [synthetic] if isinstance(synthetic, Synthetic) else list(synthetic)
    require_alike(draws)
    judge, notes = with_learned_rate(load_protocol(selected(protocol, selection)), draws[0])
    keep_images(draws, target, store)
    jobs = bench.runs(judge, [input_of(draw, notes) for draw in draws])
    _do(jobs, store, choose_executor(device, workers=workers), listener)
    records = tuple(record_of(job, store) for job in jobs)
    accuracies = tuple(record.accuracy for record in records)
    seconds = fmean(record.seconds.train + record.seconds.relabel + record.seconds.report for record in records)
    values, made_of = dict(enumerate(accuracies)), {place: record.images for place, record in enumerate(records)}
    return Evaluation(accuracies, nested(by_draw(values, made_of)).interval, seconds, records)


def score(
    synthetic: Synthetic,
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    whole: str | None = None,
    scores: Sequence[str] = SCORES,
    w: float = USUAL_WEIGHT,
    gamma: float = USUAL_WEIGHT,
    selection: Selection = "held-out",
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> ScoreCard:
    """HLR, IOR, LRS and ARS of `synthetic` (DD-Ranking, arXiv 2505.13300), with its references.

    The references (random subsets, the whole target) are trained once for all methods and come from the store later.

    Args:
        teacher: as in `evaluate`. Static soft labels of the set's own come first; images without any, random real ones
            among them, are labelled once by the teacher.
        whole: protocol for the whole target, in place of the one that `protocol` names; `none` leaves HLR out.
        scores: `lrs` for HLR, IOR and LRS; `ars` for IOR and ARS; both by default.
        w: weight of IOR against HLR in LRS.
        gamma: weight of the augmented against the plain difference in ARS.
        selection: `test-peek` chooses rates and epochs on the test split, for comparison only.

    Raises:
        UserError: as `evaluate` does, or a protocol that only serves the scores of others.
    """
    require_weights(w, gamma)
    store = store or Store()
    jobs = plan_score(
        synthetic,
        target,
        protocol=protocol,
        teacher=teacher,
        student=student,
        seeds=seeds,
        whole=whole,
        scores=scores,
        selection=selection,
        store=store,
    )
    keep_synthetic(synthetic, target, store)
    _do(jobs.all, store, choose_executor(device, workers=workers), listener)
    label = own_label(synthetic)
    records = {
        name: [record_of(run, store, label=label if name.startswith("synthetic") else None) for run in runs]
        for name, runs in jobs.parts.items()
    }
    # a random set may be one of its own references: the same run then stands under two names
    unique = {(record.fingerprint, record.method): record for found in records.values() for record in found}
    table = rows(list(unique.values()), w=w, gamma=gamma)
    row = next(r for r in table if r["method"] == label and r["protocol"]["id"] == jobs.protocol.id)
    return ScoreCard(row, parts_of(records), w=w, gamma=gamma)


def plan_score(
    synthetic: Synthetic,
    target: Target,
    *,
    protocol: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    whole: str | None = None,
    scores: Sequence[str] = SCORES,
    selection: Selection = "held-out",
    store: Store,
) -> ScoreJobs:
    """The trainings behind `score`, by the sub-accuracy that they give; none is done.

    Args:
        teacher: also as a `Labeller`, for one that is still to be squeezed.
    """
    check(synthetic, target)
    if whole not in (None, NOTHING):
        peeks = TEST_PEEK in split_modifiers(protocol)[1]
        whole = selected(str(whole), "test-peek" if peeks else selection)
    bench = Bench(target, teacher, student, seeds, store, whole)
    return score_jobs(synthetic, bench, ranking_protocol(selected(protocol, selection)), scores=scores)


def own_label(synthetic: Synthetic) -> str:
    """What the set is called beside its references, not to be taken for one of them."""
    method = synthetic.manifest.method
    return f"{method} (this set)" if method in (RANDOM, WHOLE) else method


def export(
    synthetic: Synthetic,
    path: str | Path,
    format: str,
    *,
    target: Target | None = None,
    space: PixelSpace | None = None,
    quantise: bool = False,
    expand: bool = False,
    records: Sequence[Path] = (),
    store: Store | None = None,
) -> list[str]:
    """Write `synthetic` as others read it; folders that Hugging Face's `datasets` loads get a card.

    Args:
        path: what is written: a file or folder that does not exist yet, or an empty folder.
        format: `folder`, `npz`, `parquet`, `tensors`, `condensed` or `rd3`; docs/formats.md says what each holds.
        target: the real data; needed for a `space` that is fitted on them.
        space: what float pixels become in `tensors` and `condensed`; by default what their readers expect.
        quantise: whether float pixels may be clamped and rounded to bytes.
        expand: whether mosaics are taken apart.
        records: files or folders of records whose results go onto the card; those of the store by default.

    Returns:
        What has no place in the format and what was changed, one line each.

    Raises:
        UserError: unknown format, a set that it cannot hold, or something is at `path` already.
    """
    if records and not EXPORTERS[format].card:
        raise UserError(f"records: {format} has no card that could show their results")

    def beside(ready: Synthetic, changes: Sequence[str]) -> dict[str, bytes]:
        if not EXPORTERS[format].card:
            return {}
        stored = (store or Store()).root / "run"
        places = list(records) or ([stored] if stored.is_dir() else [])
        return card_files(ready, format, results_of(synthetic, places), changes)

    return write_export(
        synthetic, path, format, target=target, space=space, quantise=quantise, expand=expand, beside=beside
    )


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


def audit(
    synthetic: Synthetic,
    target: Target,
    other: Synthetic | None = None,
    *,
    start: str,
    end: str,
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    published: float | None = None,
    order: Sequence[str] = (),
    exact_up_to: int = EXACT_UP_TO,
    permutations: int | None = None,
    epochs_scale: float = 1.0,
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Audit:
    """What the difference between two evaluations is made of: factor by factor, and in shares that add up to it.

    Args:
        other: other images, for the second protocol; None audits two protocols on the same images.
        start, end: the two protocols, by id or file.
        teacher: who labels on both sides, one or several.
        published: the accuracy, a fraction, that was reported for `synthetic` under `start`.
        order: keys of factors as the ladder switches them (see `rd3.study.audit.factors`); the others follow.
        exact_up_to: for how many factors all 2^k coalitions are trained; for more, orders are drawn.
        permutations: how many orders are drawn for each seed, an even number; about as many as factors by default.
        epochs_scale: what the epochs of both protocols are multiplied by.

    Raises:
        UserError: the two sides do not differ, their images differ in IPC, or a protocol needs a teacher.
    """
    store = store or Store()
    cell = _audited_cell(target, teacher, student, epochs_scale, store)
    plan = prepare_audit(
        cell,
        synthetic,
        other,
        (start, end),
        seeds=seeds,
        published=published,
        order=order,
        exact_up_to=exact_up_to,
        permutations=permutations,
    )
    keep_images([synthetic, *([] if other is None else [other])], target, store)
    return run_audit(plan, store, choose_executor(device, workers=workers), listener=listener)[0]


def rectify(
    methods: Sequence[tuple[Synthetic, str]],
    target: Target,
    *,
    to: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    epochs_scale: float = 1.0,
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Rectification:
    """Methods under their own protocols and under one: what is left of the gap between them.

    Args:
        methods: each synthetic with the protocol that it was published under.
        to: the common protocol.
        teacher, epochs_scale: as in `audit`.
    """
    store = store or Store()
    cell = _audited_cell(target, teacher, student, epochs_scale, store)
    plan = prepare_rectification(cell, methods, to, seeds=seeds)
    keep_images([synthetic for synthetic, _ in methods], target, store)
    return run_rectification(plan, store, choose_executor(device, workers=workers), listener=listener)[0]


def _audited_cell(target: Target, teacher: Teachers, student: str | None, epochs_scale: float, store: Store) -> Cell:
    teachers = tuple(labeller(one, target, store) for one in listed(teacher))
    return Cell(target, student or (teachers[0].name if teachers else STUDENT), teachers, epochs_scale)


def _do(jobs: Sequence[Job], store: Store, executor: Executor, listener: Listener | None) -> None:
    executor.run(jobs, store, listener or Silent())
