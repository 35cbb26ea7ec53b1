"""A piece of work: named by its fingerprint, done once, kept in the store."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import ClassVar

import torch

from rd3.base.blame import plugins_blamed
from rd3.base.errors import UserError
from rd3.base.keep import Place
from rd3.data.load import load_target
from rd3.data.target import Target, TargetSpec
from rd3.study.store import Store

Progress = Callable[[float], None]


@dataclass(frozen=True)
class JobKey:
    """Names a job in the store and in a plan."""

    kind: str
    fingerprint: str


@dataclass(frozen=True)
class Job(ABC):
    """Base of jobs; a job holds specs only, so that it can be sent to another process.

    Attributes:
        target_spec, target_fingerprint: the real data, and what it must turn out to be.
    """

    kind: ClassVar[str]
    target_spec: TargetSpec
    target_fingerprint: str

    @property
    @abstractmethod
    def fingerprint(self) -> str: ...

    @property
    @abstractmethod
    def needs(self) -> tuple[JobKey, ...]:
        """Jobs that must be done before."""

    @property
    @abstractmethod
    def title(self) -> str:
        """For people."""

    @abstractmethod
    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:
        """Do the work and file it in the store."""

    @abstractmethod
    def load_units(self) -> tuple[str, int, float]:
        """(model name, batch size, training steps' worth of work), for estimates of time."""

    def left_off(self, store: Store, device: torch.device) -> Place | None:  # noqa: ARG002
        """How far an earlier attempt came, where there was one that the work would go on from."""
        return None

    @property
    def key(self) -> JobKey:
        return JobKey(self.kind, self.fingerprint)

    def target(self) -> Target:
        """The real data; refused when it has changed since the plan was made."""
        target = cached_target(self.target_spec)
        if target.fingerprint != self.target_fingerprint:
            raise UserError(f"target {self.target_spec.name} has changed since the study was planned; run it again")
        return target


@lru_cache(maxsize=2)
def cached_target(spec: TargetSpec) -> Target:
    """The target, decoded once a process."""
    return load_target(spec)


class Outcome(Enum):
    """What became of a job."""

    DONE = "done"
    STORED = "stored"
    BUSY = "busy"


def work(job: Job, store: Store, device: torch.device, progress: Progress = lambda _: None) -> tuple[Outcome, float]:
    """Do `job` unless it is done or another process is at it.

    Returns:
        The outcome, and the seconds it took.
    """
    start = time.perf_counter()
    if store.has(*_place(job)):
        return Outcome.STORED, 0.0
    with store.lock(*_place(job)) as mine:
        if not mine:
            return Outcome.BUSY, 0.0
        if store.has(*_place(job)):
            return Outcome.STORED, 0.0
        with plugins_blamed():
            job.execute(store, device, progress)
    return Outcome.DONE, time.perf_counter() - start


def _place(job: Job) -> tuple[str, str]:
    return job.kind, job.fingerprint
