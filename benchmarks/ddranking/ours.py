"""Score a folder of images with rd3, as a process of its own like the other side.

    python -m benchmarks.ddranking.ours JOB.json        # see `main` for the keys

Modes: `held-out`, the score as rd3 means it; `test-peek`, the same with ddranking's way of choosing; `jpeg`, what the
latter's random images come to when they are written as ddranking writes them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from benchmarks.core.parts import brought
from benchmarks.ddranking.task import MEAN, MODEL, STD

import rd3
from rd3.study.bench import Bench
from rd3.study.executors.base import Silent
from rd3.study.executors.choose import choose_executor
from rd3.study.records import Record, read_records
from rd3.study.scoring import score_jobs
from rd3.study.store import Store


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `mode` (`held-out`, `test-peek` or `jpeg`), `npz`, `teacher_file`, `images` (a folder), `protocols` (by
            name), `seeds`, `home` (of the store), `workers` and `device`.
    """
    target = rd3.load_target(f"npz:{job['npz']}")
    device = torch.device(job["device"])
    teacher = brought(Path(job["teacher_file"]), target, model=MODEL, mean=MEAN, std=STD, device=device)
    images = Path(job["images"])
    synthetic = rd3.read_synthetic(images, target=target, name=f"{images.name} set")  # not to be taken for a reference
    store = Store(Path(job["home"]))
    known = {record.fingerprint for record in _records(store)}
    begun = time.perf_counter()
    row = (jpeg_reference if job["mode"] == "jpeg" else score)(job, synthetic, target, teacher, store)
    seconds = time.perf_counter() - begun
    new = [record for record in _records(store) if record.fingerprint not in known]
    return {
        "row": row,
        "compute_seconds": seconds,
        "teacher_accuracy": teacher.test_accuracy,
        "records": [record.model_dump(mode="json", exclude={"correct"}) for record in new],
    }


def score(
    job: dict[str, Any], synthetic: rd3.Synthetic, target: rd3.Target, teacher: rd3.Teacher, store: Store
) -> dict[str, Any]:
    """`rd3.score`, with rates chosen on held-out training images or, for comparison, on the test images."""
    return rd3.score(
        synthetic,
        target,
        protocol=job["protocols"]["searched"],
        teacher=teacher,
        seeds=job["seeds"],
        scores=("lrs",),
        selection=job["mode"],
        store=store,
        device=job["device"],
        workers=job["workers"],
    ).row


def jpeg_reference(
    job: dict[str, Any], synthetic: rd3.Synthetic, target: rd3.Target, teacher: rd3.Teacher, store: Store
) -> None:
    """The random reference of `test-peek` once more, its images through JPEG first."""
    protocol = rd3.load_protocol(job["protocols"]["jpeg"] + "+test-peek")
    jobs = score_jobs(synthetic, Bench(target, teacher, MODEL, job["seeds"], store), protocol)
    wanted = [*jobs.draws, *jobs.parts["random_own"]]
    choose_executor(job["device"], workers=job["workers"]).run(wanted, store, Silent())


def _records(store: Store) -> list[Record]:
    return read_records([store.root]) if store.root.is_dir() else []


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    job_file.with_name("result.json").write_text(json.dumps(main(json.loads(job_file.read_text())), indent=1))
