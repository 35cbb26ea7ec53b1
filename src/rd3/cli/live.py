"""Live progress: a bar with the time left on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rd3.base.keep import Place
from rd3.study.executors.base import Listener
from rd3.study.jobs.base import Job, JobKey

PRIOR = 0.1  # of all estimated work: how much must be done before its pace outweighs the estimate
LINE_SECONDS = 5.0  # how often a plain line is written when nobody watches


class Live:
    """Shows jobs as they are done; the time left is the estimate, corrected by how the finished jobs went.

    Args:
        estimate: job -> estimated seconds.
        workers: jobs that run side by side.
    """

    def __init__(self, estimate: Callable[[Job], float], *, workers: int = 1) -> None:
        self._estimate, self._workers = estimate, workers
        self._left: dict[JobKey, float] = {}
        self._resumed: set[JobKey] = set()
        self._running: dict[JobKey, tuple[str, float]] = {}
        self._expected = self._spent = self._prior = 0.0
        self._total = self._done = 0
        self._start = self._last = time.monotonic()
        self._console = Console(stderr=True)
        columns = (
            TextColumn("{task.description}", markup=True),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
        )
        self._bar = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._bar.add_task("", total=None, left="")

    def expect(self, jobs: Sequence[Job]) -> None:
        """Announce the jobs to come."""
        if len(jobs) > 1 and not self._console.is_terminal:
            seconds = sum(map(self._estimate, jobs)) / self._workers
            sys.stderr.write(f"{len(jobs)} jobs, about {_clock(seconds)}\n")
        self._left = {job.key: self._estimate(job) for job in jobs}
        self._prior = PRIOR * sum(self._left.values())
        self._total = len(jobs)
        self._bar.update(self._task, total=len(jobs))

    def started(self, job: Job) -> None:
        self._running[job.key] = (job.title, 0.0)
        self._show()

    def resumed(self, job: Job, place: Place) -> None:
        if job.key not in self._resumed:
            self._resumed.add(job.key)
            self._console.print(f"{job.title}: continues at {place}", markup=False, highlight=False, soft_wrap=True)

    def progressed(self, job: Job, fraction: float) -> None:
        self._running[job.key] = (job.title, fraction)
        self._show()

    def finished(self, job: Job, seconds: float) -> None:
        estimate = self._left.pop(job.key, 0.0)
        self._running.pop(job.key, None)
        self._done += 1
        if seconds:
            self._expected += estimate
            self._spent += seconds
        self._bar.update(self._task, completed=self._done, total=max(self._total, self._done))
        self._show(job)

    def seconds_left(self) -> float:
        """Of all jobs that are not finished, given how the finished ones compare with their estimates."""
        pace = (self._spent + self._prior) / (self._expected + self._prior) if self._prior else 1.0
        running = sum(self._left.get(key, 0.0) * fraction for key, (_, fraction) in self._running.items())
        return max(0.0, sum(self._left.values()) - running) * pace / self._workers

    def _show(self, ended: Job | None = None) -> None:
        titles = [title for title, _ in self._running.values()]
        left = _clock(self.seconds_left())
        description = escape(titles[-1] if titles else "")
        self._bar.update(self._task, description=f"{description:.60}", left=f"{left} left" if self._left else "")
        now = time.monotonic()
        if ended is not None and not self._console.is_terminal and (now - self._last > LINE_SECONDS or not self._left):
            self._last = now
            place = f"[{self._done}/{max(self._total, self._done)}]"
            sys.stderr.write(f"{place} {ended.title} · {_clock(now - self._start)} so far, {left} left\n")
            sys.stderr.flush()

    @contextmanager
    def shown(self) -> Iterator[Listener]:
        with self._bar:
            yield self


@contextmanager
def live(estimate: Callable[[Job], float] = lambda _: 1.0, *, workers: int = 1) -> Iterator[Listener]:
    """A listener that shows progress while the block runs."""
    with Live(estimate, workers=workers).shown() as listener:
        yield listener


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
