"""Train one student with RDED's released validation code, from a checkout, and note where its time goes.

    cd PLACE && python -m benchmarks.rded.peer JOB.json        # see `main` for the keys

It imports nothing of rd3. What it changes, and nothing else: without a GPU `.cuda()` does nothing; the numbers of
loader processes and of test images a class and the width of `conv3`, which the checkout's argument parser has no option
for, are set behind it; `train` and `validate` are timed, and what `validate` returns is kept.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

import torch
from benchmarks.core.peers import gpu_memory, noted, read_job, start_released, wait, without_gpu, write_result


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job, in a working directory with RDED's `data/` and `exp/`.

    Args:
        job: `checkout` (a folder), `arguments` (of its main.py), `threads`, `workers` (processes of its loaders, None
            for its own choice), `test_per_class`, `width` (of `conv3`, None for its own) and `seed`.
    """
    torch.set_num_threads(job["threads"])
    without_gpu()
    start_released(job["checkout"], job["arguments"])
    args = import_module("argument").args

    args.seed, args.val_ipc = job["seed"], job["test_per_class"]
    args.workers = args.workers if job["workers"] is None else job["workers"]
    released = import_module("validation.main")

    if job["width"] is not None:
        narrow(job["width"])
    training: list[float] = []
    tests: list[tuple[float, float]] = []
    noted(released, "train", lambda seconds, _: training.append(seconds))
    noted(released, "validate", lambda seconds, accuracy: tests.append((seconds, float(accuracy) / 100)))
    begun = time.perf_counter()
    released.main(args)
    wait()
    return {
        "whole": time.perf_counter() - begun,
        "training": sum(training),
        "tests": sum(seconds for seconds, _ in tests),
        "epochs": len(training),
        "accuracies": [accuracy for _, accuracy in tests],
        "batch_size": args.re_batch_size,
        "workers": args.workers,
        "threads": torch.get_num_threads(),
        "peak_memory": gpu_memory(),
    }


def narrow(width: int) -> None:
    """Let its ConvNets have another width: the checkout writes 128 where it makes one."""
    released: Any = import_module("synthesize.utils")
    made = released.ConvNet
    released.ConvNet = lambda **settings: made(**{**settings, "net_width": width})


if __name__ == "__main__":
    given = read_job()
    place = write_result
    result = main(given)
    place(result)
