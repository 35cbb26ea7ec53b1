"""One point of a growth, in a process of its own so that its memory is its own.

python -m benchmarks.growth.one JOB.json        # see `main` for the keys
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from benchmarks.core.peers import read_job, write_result
from benchmarks.core.steps import Workload
from benchmarks.core.training import recipe_of, timed_steps

import rd3
from rd3.study.store import Store
from rd3.training.device import peak_memory, prepare_process, reset_peak_memory
from rd3.training.execution import execution_on


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `device`, `model`, `ipc`, `classes`, `size`, `epochs` and `seeds`; `repeats` of the measurement.
    """
    device = torch.device(job["device"])
    prepare_process(device)
    if job["seeds"] is not None:
        return together(job)
    before = peak_memory(device)
    reset_peak_memory(device)
    work = Workload(job["model"], job["size"], 50, classes=job["classes"])
    recipe = recipe_of(work, ipc=job["ipc"], epochs=job["epochs"] + 1)
    steps = recipe.batches(job["ipc"] * work.classes)
    execution = execution_on(device)
    runs = [timed_steps(work, recipe, device, ipc=job["ipc"], execution=execution) for _ in range(job["repeats"])]
    found = [run.seconds * steps for run in runs]
    memory = peak_memory(device) - (before if device.type == "cpu" else 0)
    return {"seconds": median(found), "memory": max(memory, 1), "steps": steps}


def together(job: dict[str, Any]) -> dict[str, Any]:
    """Students of several seeds at once, as many processes: the wall time of `rd3.evaluate`, its start included."""
    target = rd3.load_target("digits", size=32)
    store = Store(Path("home").resolve())
    images = rd3.distill("random", target, ipc=job["ipc"], store=store, device=job["device"])
    begun = time.perf_counter()
    found = rd3.evaluate(
        images,
        target,
        protocol="rd3-demo-hard",
        student=job["model"],
        seeds=job["seeds"],
        store=store,
        device=job["device"],
        workers=job["seeds"],
    )
    seconds = time.perf_counter() - begun
    memory = sum(record.peak_memory for record in found.records)
    return {"seconds": seconds, "memory": memory, "steps": sum(record.settings.epochs for record in found.records)}


if __name__ == "__main__":
    write_result(main(read_job()))
