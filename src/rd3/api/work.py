"""What every verb does with its jobs."""

from __future__ import annotations

from collections.abc import Sequence

from rd3.study.executors.base import Executor, Listener, Silent
from rd3.study.jobs.base import Job
from rd3.study.store import Store


def do(jobs: Sequence[Job], store: Store, executor: Executor, listener: Listener | None) -> None:
    """What the store lacks of them."""
    executor.run(jobs, store, listener or Silent())
