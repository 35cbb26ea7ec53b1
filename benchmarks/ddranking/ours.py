"""Score a folder of images with rd3, as a process of its own like the other side.

    python -m benchmarks.ddranking.ours JOB.json        # see `main` for the keys

`score` is the public verb. `rates` trains at every rate of the grid and chooses nothing: what both sides' choices do to
the accuracies can then be told from the trainings themselves.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.ddranking.protocols import RATES
from benchmarks.ddranking.task import MEAN, MODEL, STD
from benchmarks.ddranking.trainings import JPEG

import rd3
from rd3.study.bench import Bench
from rd3.study.executors.base import Silent
from rd3.study.executors.choose import choose_executor
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunJob, record_of
from rd3.study.jobs.synthetic import SyntheticJob, SyntheticSpec
from rd3.study.plan import RANDOM, synthetic_job
from rd3.study.records import Record, read_records
from rd3.study.store import Store

Draws = Sequence[rd3.Synthetic | SyntheticSpec]
PartRun = tuple[str, float | None, RunJob]  # which accuracy, its rate, the run


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `mode` (`score`, `rates` or `jpeg`), `npz`, `teacher_file`, `images` (a folder), `protocols` (name to path),
            `seeds`, `home` (of the store) and `workers`.
    """
    target = rd3.load_target(f"npz:{job['npz']}")
    teacher = rd3.bring_teacher(Path(job["teacher_file"]), target, model=MODEL, mean=MEAN, std=STD)
    synthetic = rd3.read_synthetic(job["images"], target=target)
    store = Store(Path(job["home"]))
    work = score if job["mode"] == "score" else rates
    begun = time.perf_counter()
    found = work(job, synthetic, target, teacher, store)
    return {**found, "compute_seconds": time.perf_counter() - begun, "teacher_accuracy": teacher.test_accuracy}


def score(
    job: dict[str, Any], synthetic: rd3.Synthetic, target: rd3.Target, teacher: rd3.Teacher, store: Store
) -> dict[str, Any]:
    """`rd3.score` with the rate chosen on held-out training images."""
    before = {record.fingerprint for record in _records(store)}
    card = rd3.score(
        synthetic,
        target,
        protocol=job["protocols"]["searched"],
        teacher=teacher,
        seeds=job["seeds"],
        store=store,
        device="cpu",
        workers=job["workers"],
    )
    new = [record for record in _records(store) if record.fingerprint not in before]
    return {"row": card.row, "records": [record.model_dump(mode="json", exclude={"correct"}) for record in new]}


def rates(
    job: dict[str, Any], synthetic: rd3.Synthetic, target: rd3.Target, teacher: rd3.Teacher, store: Store
) -> dict[str, Any]:
    """Every training that ddranking does; in mode `jpeg`, those on random images, which go through JPEG first."""
    bench = Bench(target, teacher, MODEL, job["seeds"], store)
    draws = _random_draws(bench, synthetic)
    make = _jpeg_runs if job["mode"] == "jpeg" else _rate_runs
    runs = list(make(job["protocols"], bench, bench.keep(synthetic), [draw.spec for draw in draws]))
    jobs: list[Job] = [*draws, *(run for _, _, run in runs)]
    choose_executor("cpu", workers=job["workers"]).run(jobs, store, Silent())
    return {"trainings": [_training(part, lr, record_of(run, store)) for part, lr, run in runs]}


def _rate_runs(protocols: dict[str, str], bench: Bench, own: Draws, random: Draws) -> Iterator[PartRun]:
    for run in bench.whole_runs(rd3.load_protocol(protocols["whole"])):
        yield "A_rh", None, run
    for lr in RATES:
        path = protocols[f"at-{lr}"]
        for part, protocol, draws in (("A_sh", f"{path}#hard", own), ("A_sa", path, own), ("A_ra", path, random)):
            yield from ((part, lr, run) for run in bench.runs(rd3.load_protocol(protocol), draws))


def _jpeg_runs(protocols: dict[str, str], bench: Bench, _: Draws, random: Draws) -> Iterator[PartRun]:
    for lr in RATES:
        yield from ((JPEG, lr, run) for run in bench.runs(rd3.load_protocol(protocols[f"jpeg-at-{lr}"]), random))


def _random_draws(bench: Bench, synthetic: rd3.Synthetic) -> list[SyntheticJob]:
    assert synthetic.ipc is not None
    return [
        synthetic_job(bench.target, RANDOM, ipc=synthetic.ipc, teacher=None, draw=draw) for draw in range(bench.seeds)
    ]


def _training(part: str, lr: float | None, record: Record) -> dict[str, Any]:
    seconds = record.seconds.train + record.seconds.relabel + record.seconds.report
    curve = [accuracy for _, accuracy in record.curve]
    return {"part": part, "lr": lr, "repeat": record.replicate, "curve": curve, "seconds": seconds}


def _records(store: Store) -> list[Record]:
    return read_records([store.root]) if store.root.is_dir() else []


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    job_file.with_name("result.json").write_text(json.dumps(main(json.loads(job_file.read_text())), indent=1))
