"""A study is planned, done once, shared and repeatable, whoever does it and however often it is killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from rd3.base.errors import UserError
from rd3.study.executors.base import missing_jobs
from rd3.study.executors.processes import ProcessExecutor
from rd3.study.executors.serial import SerialExecutor
from rd3.study.jobs.base import Job
from rd3.study.jobs.synthetic import SyntheticJob
from rd3.study.plan import make_plan
from rd3.study.run import run_study
from rd3.study.spec import StudySpec
from rd3.study.store import Store
from rd3.synthetic import Synthetic

CPU = torch.device("cpu")
HANGS_AFTER = 900.0  # seconds; a busy machine may be slow
COMMAND = "from rd3.cli import main; raise SystemExit(main())"


def without_timings(ranking: Path) -> list[dict[str, Any]]:
    """Rows of a ranking less the measured seconds."""
    rows: list[dict[str, Any]] = json.loads(ranking.read_text())["rows"]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


class Counting:
    """A listener that remembers what was really done."""

    def __init__(self) -> None:
        self.done: list[Job] = []

    def expect(self, jobs: object) -> None: ...

    def started(self, job: Job) -> None: ...

    def resumed(self, job: Job, place: object) -> None: ...

    def progressed(self, job: Job, fraction: float) -> None: ...

    def finished(self, job: Job, seconds: float) -> None:
        if seconds:
            self.done.append(job)


def test_the_plan_has_every_job_once_and_in_order(study: StudySpec) -> None:
    plan = make_plan(study)
    kinds = [job.kind for job in plan.jobs]
    # one teacher; three draws of random, one each of herding and sre2l
    assert kinds.count("teacher") == 1
    assert kinds.count("synthetic") == 5
    # 3 methods x 3 seeds under quick, quick-hard, quick-plain, and 3 runs on the whole target
    assert kinds.count("run") == 3 * 3 * 3 + 3
    seen = set()
    for job in plan.jobs:
        assert seen.issuperset(job.needs)
        seen.add(job.key)
    assert len(seen) == len(plan.jobs)


def test_methods_share_seeds_and_references(study: StudySpec) -> None:
    runs = make_plan(study).runs
    seeds = {(run.mark.id, run.label, run.spec.replicate): run.spec.seed for run in runs}
    assert seeds["quick", "random", 1] == seeds["quick", "herding", 1] != seeds["quick", "herding", 2]
    assert seeds["quick", "random", 1] != seeds["quick-hard", "random", 1]


def test_hard_runs_do_not_depend_on_the_teacher(study: StudySpec) -> None:
    other = study.model_copy(update={"teacher": study.teacher.model_copy(update={"seed": 1})})

    def of(plan_study: StudySpec, protocol: str) -> set[str]:
        runs = make_plan(plan_study).runs
        return {run.fingerprint for run in runs if run.mark.id == protocol and run.label == "random"}

    assert of(study, "quick-hard") == of(other, "quick-hard")
    assert of(study, "quick").isdisjoint(of(other, "quick"))


def test_serial_and_two_processes_give_the_same_bits_and_a_repetition_does_nothing(
    study: StudySpec, tmp_path: Path
) -> None:
    serial = run_study(study, Store(tmp_path / "one"), SerialExecutor(CPU))
    listener = Counting()
    store = Store(tmp_path / "two")
    parallel = run_study(study, store, ProcessExecutor(CPU, workers=2), listener=listener)
    assert len(listener.done) == len(make_plan(study).jobs)
    assert without_timings(serial.folder / "ranking.json") == without_timings(parallel.folder / "ranking.json")
    for job in make_plan(study).of(SyntheticJob):
        pixels = [
            Synthetic.load(tmp_path / home / "store" / job.kind / job.fingerprint / "synthetic").images
            for home in ("one", "two")
        ]
        assert torch.equal(pixels[0], pixels[1])
    before = (parallel.folder / "ranking.json").read_bytes()
    again = Counting()
    run_study(study, Store(tmp_path / "two"), ProcessExecutor(CPU, workers=2), listener=again)
    assert again.done == []
    assert (parallel.folder / "ranking.json").read_bytes() == before


def test_a_new_method_trains_no_reference_again(study: StudySpec, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run_study(study, store, SerialExecutor(CPU))
    more = study.model_copy(update={"methods": (*study.methods, study.methods[0].model_copy(update={"name": "rded"}))})
    listener = Counting()
    run_study(more, store, SerialExecutor(CPU), listener=listener)
    assert {job.title.split(",")[0] for job in listener.done} == {
        "distill rded",
        "quick: rded",
        "quick-hard: rded",
        "quick-plain: rded",
    }
    assert len(listener.done) == 1 + 3 * 3


def test_a_teacher_whose_runs_are_done_is_not_trained_again(study: StudySpec, tmp_path: Path) -> None:
    import shutil

    store = Store(tmp_path / "home")
    run_study(study, store, SerialExecutor(CPU))
    shutil.rmtree(store.root / "teacher")
    assert missing_jobs(make_plan(study).jobs, Store(tmp_path / "home")) == []


def test_a_study_that_was_edited_leaves_nothing_of_its_former_self(study: StudySpec, tmp_path: Path) -> None:
    store = Store(tmp_path / "home")
    run_study(study, store, SerialExecutor(CPU))
    fewer = study.model_copy(update={"methods": study.methods[:2], "seeds": 2})
    folder = run_study(fewer, store, SerialExecutor(CPU)).folder
    plan = make_plan(fewer)
    assert len(list((folder / "records").glob("*.json"))) == len(plan.runs)
    assert len(list((folder / "synthetic").iterdir())) == len(plan.of(SyntheticJob))
    assert done(tmp_path / "home") > len(plan.jobs), "the store keeps what was done"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"whole": "rd3"}, "methods are ranked under it"),
        ({"protocols": ("whole",)}, "only serves the scores of others"),
        ({"ipc": (100000,)}, "has only"),
    ],
)
def test_a_study_that_makes_no_sense_is_refused_before_any_work(
    study: StudySpec, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        make_plan(study.model_copy(update=changes))


def start(study_file: Path, home: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", COMMAND, "study", "run", study_file.name, "--home", str(home), "--workers", "2"]
    return subprocess.Popen(
        command, cwd=study_file.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    )


def done(home: Path, kind: str = "*") -> int:
    return len(list((home / "store").glob(f"{kind}/*/entry.json")))


def kill_when(process: subprocess.Popen[bytes], home: Path, entries: int) -> None:
    """kill -9 the study (not its workers, which must notice) as soon as the store has that many entries."""
    while done(home) < entries and process.poll() is None:
        time.sleep(0.01)
    process.kill()
    process.wait()


@pytest.mark.parametrize("moments", [(1, 7, 20)])
def test_a_killed_study_goes_on_where_it_was(
    study: StudySpec, study_file: Path, tmp_path: Path, moments: tuple[int, ...]
) -> None:
    whole = run_study(study, Store(tmp_path / "whole"), SerialExecutor(CPU))
    home = tmp_path / "killed"
    for entries in moments:
        process = start(study_file, home)
        kill_when(process, home, entries)
        assert process.returncode == -signal.SIGKILL
        assert not (home / "tiny" / "ranking.json").exists()
    kept = {entry: entry.stat().st_mtime_ns for entry in (home / "store").glob("*/*/entry.json")}
    assert len(kept) >= moments[-1]
    final = start(study_file, home)
    _, errors = final.communicate(timeout=HANGS_AFTER)
    assert final.returncode == 0, errors.decode()
    assert {entry: entry.stat().st_mtime_ns for entry in kept} == kept, "finished work was done again"
    assert done(home) == len(make_plan(study).jobs)
    mine, theirs = (json.dumps(without_timings(folder / "ranking.json")) for folder in (whole.folder, home / "tiny"))
    assert mine == theirs


def test_what_another_process_is_writing_is_left_alone(study: StudySpec, tmp_path: Path) -> None:
    result = run_study(study, Store(tmp_path / "store"), SerialExecutor(CPU))
    unfinished = result.folder / "synthetic" / ".random-ipc2-e5b959.03943be2"
    shutil.copytree(next((result.folder / "synthetic").glob("random-*")), unfinished)
    run_study(study, Store(tmp_path / "store"), SerialExecutor(CPU))
    assert any(unfinished.iterdir())


def test_two_studies_on_one_store_share_the_work(study: StudySpec, study_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "shared"
    both = [start(study_file, home), start(study_file, home)]
    for process in both:
        _, errors = process.communicate(timeout=HANGS_AFTER)
        assert process.returncode == 0, errors.decode()
    assert done(home) == len(make_plan(study).jobs)
    assert not list((home / "store").glob("*/.*")), "temporary folders are left over"
    reference = run_study(study, Store(tmp_path / "alone"), SerialExecutor(CPU))
    mine, theirs = (without_timings(folder / "ranking.json") for folder in (reference.folder, home / "tiny"))
    assert mine == theirs
