"""Train one student with rd3, as a process of its own like the other side.

python -m benchmarks.rded.ours JOB.json        # see `main` for the keys
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from benchmarks.core.parts import brought
from benchmarks.core.peers import read_job, write_result

import rd3
from rd3.evaluation.settings import IMAGENET_MEAN, IMAGENET_STD
from rd3.study.store import Store
from rd3.training.device import prepare_process


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `npz`, `weights`, `images` (a folder), `student`, `protocol` (a file), `home` (of the store), `replicate`
            and `device`. Replicates before this one are in the store, or are trained too: the first comes first.
    """
    device = torch.device(job["device"])
    prepare_process(device)
    target = rd3.load_target(f"npz:{job['npz']}")
    teacher = brought(
        Path(job["weights"]), target, model=job["student"], mean=IMAGENET_MEAN, std=IMAGENET_STD, device=device
    )
    begun = time.perf_counter()
    images = rd3.read_synthetic(Path(job["images"]), target=target, name="rded")
    found = rd3.evaluate(
        images,
        target,
        protocol=job["protocol"],
        teacher=teacher,
        student=job["student"],
        seeds=job["replicate"] + 1,
        store=Store(Path(job["home"])),
        device=job["device"],
    )
    whole = time.perf_counter() - begun
    record = found.records[job["replicate"]]
    return {
        "whole": whole,
        "training": record.seconds.train + record.seconds.relabel,
        "labels": record.seconds.relabel,
        "tests": record.seconds.report,
        "epochs": record.settings.epochs,
        "accuracies": [record.accuracy],
        "precision": record.environment["precision"],
        "steps": record.environment.get("steps", "called"),
        "batch_size": record.settings.batch_size,
        "peak_memory": record.peak_memory,
        "teacher_accuracy": teacher.test_accuracy,
    }


if __name__ == "__main__":
    write_result(main(read_job()))
