"""Several processes on this machine: one thread each on a CPU; GPUs are dealt out in turn, to several each if asked."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import torch

from rd3.base.errors import UserError
from rd3.study.executors.base import BUSY_SECONDS, Listener, announce, missing_jobs
from rd3.study.jobs.base import Job, JobKey, Outcome, work
from rd3.study.partial import discard_finished
from rd3.study.precision import require_asked_precision
from rd3.study.store import Store
from rd3.training.device import prepare_process
from rd3.training.execution import Precision, ask_for, asked_precision

_device = torch.device("cpu")  # of a worker process, set once by `_start`


class ProcessExecutor:
    """A pool of workers that take jobs as soon as what they need is done."""

    def __init__(self, device: torch.device, *, workers: int) -> None:
        assert workers > 0
        self._device = device
        self._workers = workers

    def run(self, jobs: Sequence[Job], store: Store, listener: Listener) -> None:
        require_asked_precision(jobs, store)
        discard_finished(store, jobs)
        waiting = missing_jobs(jobs, store)
        listener.expect(waiting)
        if not waiting:
            return
        context = multiprocessing.get_context("spawn")
        turns = context.Value("i", 0)
        with ProcessPoolExecutor(
            min(self._workers, len(waiting)),
            context,
            _start,
            (str(self._device), os.getpid(), turns, asked_precision()),
        ) as pool:
            try:
                self._feed(pool, waiting, store, listener)
            except BrokenProcessPool:
                raise UserError(
                    "a worker process was killed, perhaps for want of memory; finished work is kept, run it again with"
                    " fewer workers"
                ) from None
            except BaseException:
                _stop(pool)
                raise

    def _feed(self, pool: ProcessPoolExecutor, waiting: list[Job], store: Store, listener: Listener) -> None:
        pending = {job.key for job in waiting}
        running: dict[Future[tuple[Outcome, float]], Job] = {}
        while waiting or running:
            while len(running) < self._workers and (job := _next_ready(waiting, pending)) is not None:
                waiting.remove(job)
                announce(job, store, self._device, listener)
                running[pool.submit(_work, job, store)] = job
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                outcome, seconds = future.result()
                if outcome is Outcome.BUSY:
                    waiting.append(job)
                    time.sleep(BUSY_SECONDS)
                else:
                    pending.discard(job.key)
                    listener.finished(job, seconds)


def _next_ready(waiting: list[Job], pending: set[JobKey]) -> Job | None:
    return next((job for job in waiting if not pending.intersection(job.needs)), None)


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once: what they were doing is not filed, and is done again next time."""
    workers = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        with contextlib.suppress(OSError):
            worker.terminate()


def _start(name: str, parent: int, turns, precision: Precision | None) -> None:  # type: ignore[no-untyped-def]
    """Set up a worker: its device, its one thread, its precision, and a watch that ends it with its parent."""
    global _device
    with turns.get_lock():
        turn, turns.value = turns.value, turns.value + 1
    _device = torch.device(name)
    if _device.type == "cuda":
        number = turn % torch.cuda.device_count() if _device.index is None else _device.index
        _device = torch.device("cuda", number)
        torch.cuda.set_device(_device)
    prepare_process(_device)
    ask_for(precision)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    """A parent that is killed cannot end its workers, so they look for it."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _work(job: Job, store: Store) -> tuple[Outcome, float]:
    return work(job, store, _device)
