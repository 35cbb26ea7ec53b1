"""Recover images with SRe2L's released code for CIFAR, from a checkout, and note how long it takes.

    cd PLACE && python -m benchmarks.sre2l.peer JOB.json        # see `main` for the keys

It imports nothing of rd3. What it changes, and nothing else: without a GPU `.cuda()` and `device="cuda"` do nothing;
the images are kept as numbers on their way into JPEG files, and one image slot (all of its 100 classes) is timed.
"""

from __future__ import annotations

import random
import time
from importlib import import_module
from typing import Any

import numpy as np
import torch
from benchmarks.core.peers import gpu_memory, noted, read_job, start_released, wait, without_gpu, write_result


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `checkout` (the folder of recover_cifar.py), `arguments` (of recover_cifar.py), `threads` and `seed`.
    """
    torch.set_num_threads(job["threads"])
    without_gpu()
    start_released(job["checkout"], job["arguments"])
    released: Any = import_module("recover_cifar")

    random.seed(job["seed"])
    torch.manual_seed(job["seed"])
    args = released.parse_args()
    args.milestone = 1
    images: list[Any] = []
    labels: list[Any] = []
    save = released.save_images

    def keep(args: Any, found: torch.Tensor, targets: torch.Tensor, ipc_id: int) -> None:
        images.append(found.detach().cpu().numpy())
        labels.append(targets.cpu().numpy())
        save(args, found, targets, ipc_id)

    released.save_images = keep
    recovering: list[float] = []
    noted(released, "get_images", lambda seconds, _: recovering.append(seconds))
    begun = time.perf_counter()
    for slot in range(args.ipc_start, args.ipc_end):
        released.main_syn(args, slot)
    wait()
    np.savez("recovered.npz", images=np.concatenate(images), labels=np.concatenate(labels))
    return {
        "whole": time.perf_counter() - begun,
        "recover": sum(recovering),
        "images": sum(len(one) for one in images),
        "peak_memory": gpu_memory(),
    }


if __name__ == "__main__":
    write_result(main(read_job()))
