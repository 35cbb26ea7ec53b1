"""Runs a study and leaves its folder: records, synthetics, ranking."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rd3.base.files import new_directory, write_atomic
from rd3.study.executors.base import Executor, Listener, Silent
from rd3.study.jobs.run import record_of
from rd3.study.jobs.synthetic import FOLDER, SyntheticJob
from rd3.study.plan import Plan, make_plan
from rd3.study.ranking import SCHEMA, groups, rows
from rd3.study.records import Record
from rd3.study.spec import StudySpec
from rd3.study.store import Store
from rd3.study.verdict import sentence
from rd3.synthetic.artifact import MANIFEST


@dataclass(frozen=True)
class StudyResult:
    """What a study left.

    Attributes:
        folder: with `ranking.json`, `study.json`, `records/`, `protocols/` and `synthetic/`.
        rows: of the ranking.
        sentences: one a group.
    """

    folder: Path
    rows: list[dict[str, Any]]
    sentences: list[str]


def run_study(
    study: StudySpec,
    store: Store,
    executor: Executor,
    *,
    plan: Plan | None = None,
    folder: Path | None = None,
    listener: Listener | None = None,
) -> StudyResult:
    """Do what is missing of `study` and write its folder. Repeating it resumes it."""
    plan = plan or make_plan(study)
    executor.run(plan.jobs, store, listener or Silent())
    folder = folder or store.home / study.name
    records = [record_of(job, store) for job in plan.runs]
    _prune(folder, plan)
    for record in records:
        write_atomic(folder / "records" / f"{record.fingerprint}.json", record.model_dump_json(indent=1))
    _copy_synthetics(plan, store, folder / "synthetic")
    for protocol in plan.protocols:
        write_atomic(folder / "protocols" / f"{protocol.id}.json", protocol.model_dump_json(indent=1))
    write_atomic(folder / "study.json", study.model_dump_json(indent=1))
    return write_ranking(records, folder)


def write_ranking(records: Iterable[Record], folder: Path, *, w: float = 0.5, gamma: float = 0.5) -> StudyResult:
    """Rank records and write `ranking.json` into `folder`; `w` and `gamma` weigh LRS and ARS."""
    table = rows(sorted(records, key=lambda record: record.fingerprint), w=w, gamma=gamma)
    write_atomic(folder / "ranking.json", json.dumps({"schema": SCHEMA, "rows": table}, indent=1))
    return StudyResult(folder, table, [sentence(group) for group in groups(table)])


def synthetic_folder(job: SyntheticJob) -> str:
    """Name of a synthetic's folder in a study: readable, and different for different work."""
    draw = f"-draw{job.spec.draw}" if job.spec.draw else ""
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in job.spec.label).strip("-")
    return f"{plain}-ipc{job.spec.ipc}{draw}-{job.fingerprint[:6]}"


def _prune(folder: Path, plan: Plan) -> None:
    """Take out what an earlier version of the study left; the store still has it."""
    kept = {"records": {f"{job.fingerprint}.json" for job in plan.runs}}
    kept["protocols"] = {f"{protocol.id}.json" for protocol in plan.protocols}
    for name, files in kept.items():
        for file in (folder / name).glob("*.json"):
            if file.name not in files:
                file.unlink(missing_ok=True)
    synthetics = {synthetic_folder(job) for job in plan.of(SyntheticJob) if isinstance(job, SyntheticJob)}
    # names with a dot are what another process is writing at the moment
    for manifest in (folder / "synthetic").glob(f"[!.]*/{MANIFEST}"):
        if manifest.parent.name not in synthetics:
            shutil.rmtree(manifest.parent, ignore_errors=True)


def _copy_synthetics(plan: Plan, store: Store, folder: Path) -> None:
    for job in plan.of(SyntheticJob):
        assert isinstance(job, SyntheticJob)
        place = folder / synthetic_folder(job)
        if store.has(job.kind, job.fingerprint) and not place.exists():
            with new_directory(place) as temporary:
                shutil.copytree(store.path(job.kind, job.fingerprint) / FOLDER, temporary, dirs_exist_ok=True)
