"""What a step of rd3's loop is made of: parts are left out one at a time, and the difference is theirs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from benchmarks.core.clock import in_turn
from benchmarks.core.steps import Bare, Workload, bare_step
from benchmarks.core.training import Steps, recipe_of, timed_steps, with_batch

from rd3.training.execution import Execution

IPC = 50


@dataclass(frozen=True)
class Measured:
    """A workload on a device.

    Attributes:
        step: seconds of a step of rd3's loop, by repetition.
        parts: seconds of the parts, each measured by itself, so that noise may put their sum above a step.
        idle: share of the time in which the device, or the process, computed nothing.
        shares: of a step, which add up to 1.
    """

    work: Workload
    step: tuple[float, ...]
    parts: dict[str, float]
    idle: float
    shares: dict[str, float]
    bare: Bare

    @property
    def seconds(self) -> float:
        return median(self.step)

    @property
    def images(self) -> float:
        """Images/s."""
        return self.work.batch / self.seconds

    @property
    def rate(self) -> float:
        """FLOP/s that are achieved."""
        return self.bare.flops / self.seconds

    @property
    def intensity(self) -> float:
        """FLOP a byte."""
        return self.bare.flops / self.bare.bytes

    def as_json(self) -> dict[str, Any]:
        derived = {"images_a_second": self.images, "flops_a_second": self.rate, "flops_a_byte": self.intensity}
        return asdict(self) | {"seconds": self.seconds} | derived


def measured(
    work: Workload, device: torch.device, *, execution: Execution, epochs: int, repeats: int, ipc: int = IPC
) -> Measured:
    """Time the loop whole and in part, in turn."""
    recipe = recipe_of(work, ipc=ipc, epochs=epochs)
    plain = recipe.model_copy(update={"augment": (), "mix": None})
    work = with_batch(work, recipe, ipc)
    timed = partial(timed_steps, work, device=device, ipc=ipc, execution=execution)
    found = in_turn(
        {
            f"{work.name}: whole": lambda _: timed(recipe=recipe),
            f"{work.name}: labels given": lambda _: timed(recipe=recipe, labels="static"),
            f"{work.name}: not augmented": lambda _: timed(recipe=plain),
        },
        repeats,
    )
    whole, given, plainly = found.values()
    bare = bare_step(work, device, execution=execution)
    idle = (
        idle_share(work, device, execution, ipc=ipc)
        if device.type == "cuda"
        else 1 - median(one.busy or 0 for one in whole)
    )
    parts = {
        "teacher": seconds(whole) - seconds(given),
        "augmentation": seconds(whole) - seconds(plainly),
        "student": bare.student,
        "optimiser": bare.optimiser,
    }
    step = tuple(one.seconds for one in whole)
    return Measured(work, step, parts, idle, shares(parts, seconds(whole), idle), bare)


def seconds(runs: list[Steps]) -> float:
    """Of a step: the median over repetitions."""
    return median(one.seconds for one in runs)


def shares(parts: dict[str, float], whole: float, idle: float) -> dict[str, float]:
    """Shares of a step that add up to 1.

    Args:
        parts: seconds by name; what was measured below 0 is noise and counts as none.
        idle: the share in which nothing was computed; it is inside of the parts where work waits, so at most what they
            leave is told apart, and the rest of that is the loop's `other` work.

    >>> shares({"teacher": 1.0, "student": 2.0}, 4.0, 0.125)
    {'teacher': 0.25, 'student': 0.5, 'idle': 0.125, 'other': 0.125}
    """
    found = {name: max(0.0, part) / whole for name, part in parts.items()}
    left = 1 - sum(found.values())
    if left < 0:
        found = {name: share / (1 - left) for name, share in found.items()}
        left = 0.0
    waiting = min(max(0.0, idle), left)
    return {**found, "idle": waiting, "other": left - waiting}


def idle_share(work: Workload, device: torch.device, execution: Execution, *, ipc: int) -> float:
    """Share of the time in which no kernel runs on a GPU, by torch's profiler."""
    from torch.profiler import ProfilerActivity, profile

    recipe = recipe_of(work, ipc=ipc, epochs=3)
    profiler = profile(activities=[ProfilerActivity.CUDA])
    timed_steps(work, recipe, device, ipc=ipc, execution=execution, warm=profiler.start)
    profiler.stop()
    kernels = [(event.time_range.start, event.time_range.end) for event in profiler.events() if on_gpu(event)]
    return 1 - covered(kernels)


def on_gpu(event: Any) -> bool:
    """Whether an event of the profiler is a kernel or a copy."""
    return str(event.device_type).endswith("CUDA") and bool(event.time_range.end > event.time_range.start)


def covered(spans: list[tuple[float, float]]) -> float:
    """Share of the time from the first start to the last end that lies in at least one span.

    >>> covered([(0, 2), (1, 3), (4, 5)])
    0.8
    """
    spans = sorted(spans)
    start, end = spans[0]
    total = 0.0
    for begin, stop in spans[1:]:
        if begin > end:
            total += end - start
            start, end = begin, stop
        end = max(end, stop)
    return (total + end - start) / (end - spans[0][0])
