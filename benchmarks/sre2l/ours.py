"""Recover the same images with rd3, as a process of its own like the other side.

python -m benchmarks.sre2l.ours JOB.json        # see `main` for the keys
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.core.parts import brought
from benchmarks.core.peers import read_job, write_result
from benchmarks.sre2l.task import MEAN, MODEL, STD

import rd3
from rd3.study.store import Store
from rd3.training.device import peak_memory, prepare_process


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `npz`, `weights`, `settings` (of the method), `ipc`, `seed`, `home` (of the store) and `device`.
    """
    device = torch.device(job["device"])
    prepare_process(device)
    target = rd3.load_target(f"npz:{job['npz']}")
    teacher = brought(Path(job["weights"]), target, model=MODEL, mean=MEAN, std=STD, device=device)
    store = Store(Path(job["home"]))
    begun = time.perf_counter()
    made = rd3.distill(
        "sre2l",
        target,
        teacher,
        ipc=job["ipc"],
        seed=job["seed"],
        store=store,
        device=job["device"],
        **job["settings"],
    )
    whole = time.perf_counter() - begun
    pictures = made.images if made.images.is_floating_point() else made.images.float() / 255
    np.savez("recovered.npz", images=pictures.numpy(), labels=made.labels.numpy())
    return {
        "whole": whole,
        "recover": made.manifest.seconds.synthesise,
        "images": len(made),
        "peak_memory": peak_memory(device),
    }


if __name__ == "__main__":
    write_result(main(read_job()))
