"""What executors share: the order of work, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import torch

from rd3.base.keep import Place
from rd3.study.jobs.base import Job, JobKey
from rd3.study.store import Store


class Listener(Protocol):
    """Hears of the jobs to come, and of every job as it starts and ends."""

    def expect(self, jobs: Sequence[Job]) -> None: ...

    def started(self, job: Job) -> None: ...

    def resumed(self, job: Job, place: Place) -> None:
        """The job that has started goes on where an earlier attempt was ended."""

    def progressed(self, job: Job, fraction: float) -> None: ...

    def finished(self, job: Job, seconds: float) -> None:
        """`seconds` is 0 when another process did it."""


class Silent:
    """A listener for nobody."""

    def expect(self, jobs: Sequence[Job]) -> None: ...

    def started(self, job: Job) -> None: ...

    def resumed(self, job: Job, place: Place) -> None: ...

    def progressed(self, job: Job, fraction: float) -> None: ...

    def finished(self, job: Job, seconds: float) -> None: ...


class Executor(Protocol):
    """Does jobs in an order in which each comes after what it needs."""

    def run(self, jobs: Sequence[Job], store: Store, listener: Listener) -> None:
        """Do all jobs that are not in the store.

        Raises:
            UserError: a job found that it cannot be done; what was finished before stays.
        """


def announce(job: Job, store: Store, device: torch.device, listener: Listener) -> None:
    """Say that a job starts, and where it goes on unless another process is at it."""
    listener.started(job)
    place = job.left_off(store, device)
    if place is not None:
        with store.lock(job.kind, job.fingerprint) as free:
            if free:
                listener.resumed(job, place)


BUSY_SECONDS = 0.3  # how long to wait before asking again for a job that another process has


def missing_jobs(jobs: Iterable[Job], store: Store) -> list[Job]:
    """Those that are not done, and only those that something still missing needs.

    A teacher whose runs are all in the store is not trained again.
    """
    ordered = list(jobs)
    inputs = {need for job in ordered for need in job.needs}
    wanted: set[JobKey] = set()
    missing = []
    for job in reversed(ordered):
        if (job.key not in inputs or job.key in wanted) and not store.has(job.kind, job.fingerprint):
            missing.append(job)
            wanted.update(job.needs)
    return missing[::-1]
