"""The executor for a device and a number of workers."""

from __future__ import annotations

import os

import torch

from rd3.base.errors import UserError
from rd3.study.executors.base import Executor
from rd3.study.executors.processes import ProcessExecutor
from rd3.study.executors.serial import SerialExecutor
from rd3.training.device import pick_device


def default_workers(device: torch.device, *, runs_in_flight: int = 1) -> int:
    """So many processes a GPU, or one a core.

    Args:
        runs_in_flight: on one GPU, which a small network's step does not fill.

    Raises:
        UserError: several on a CPU.
    """
    if runs_in_flight < 1 or (runs_in_flight > 1 and device.type != "cuda"):
        raise UserError(f"runs_in_flight = {runs_in_flight}: allowed is 1, or more on a GPU; a CPU has --workers")
    if device.type != "cuda":
        return len(os.sched_getaffinity(0))
    gpus = 1 if device.index is not None else max(1, torch.cuda.device_count())
    return gpus * runs_in_flight


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
