"""One job after the other, in this process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

import torch

from rd3.study.executors.base import BUSY_SECONDS, Listener, announce, missing_jobs
from rd3.study.jobs.base import Job, Outcome, work
from rd3.study.partial import discard_finished
from rd3.study.precision import require_asked_precision
from rd3.study.store import Store
from rd3.training.device import prepare_process


class SerialExecutor:
    """Does the jobs here; the process's thread count is restored afterwards."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def run(self, jobs: Sequence[Job], store: Store, listener: Listener) -> None:
        require_asked_precision(jobs, store)
        discard_finished(store, jobs)
        threads = torch.get_num_threads()
        prepare_process(self._device)
        try:
            missing = missing_jobs(jobs, store)
            listener.expect(missing)
            self._run(deque(missing), store, listener)
        finally:
            torch.set_num_threads(threads)

    def _run(self, waiting: deque[Job], store: Store, listener: Listener) -> None:
        while waiting:
            job = next(one for one in waiting if _ready(one, store))
            waiting.remove(job)
            announce(job, store, self._device, listener)
            outcome, seconds = work(job, store, self._device, lambda f, job=job: listener.progressed(job, f))  # type: ignore[misc]
            if outcome is Outcome.BUSY:
                waiting.append(job)
                time.sleep(BUSY_SECONDS)
            else:
                listener.finished(job, seconds)


def _ready(job: Job, store: Store) -> bool:
    return all(store.has(need.kind, need.fingerprint) for need in job.needs)
