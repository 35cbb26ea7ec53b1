"""The executor for a device and a number of workers."""

from __future__ import annotations

import os

import torch

from rd3.base.errors import UserError
from rd3.study.executors.base import Executor
from rd3.study.executors.processes import ProcessExecutor
from rd3.study.executors.serial import SerialExecutor
from rd3.training.device import pick_device


def default_workers(device: torch.device) -> int:
    """One process a GPU, or one a core."""
    return max(1, torch.cuda.device_count()) if device.type == "cuda" else len(os.sched_getaffinity(0))


def choose_executor(device: str = "auto", *, workers: int | None = None) -> Executor:
    """Serial for one worker, else processes; None takes `default_workers`.

    Raises:
        UserError: the device is not there, or there are no workers.
    """
    chosen = pick_device(device)
    count = default_workers(chosen) if workers is None else workers
    if count < 1:
        raise UserError(f"workers = {count}: at least 1 is needed")
    return SerialExecutor(chosen) if count == 1 else ProcessExecutor(chosen, workers=count)
