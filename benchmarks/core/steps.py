"""The network's own part of a training step, in plain torch, on a GPU as graphs: what no loop can do without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from benchmarks.core.clock import typical_seconds
from benchmarks.core.traffic import Traffic
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from rd3.base.errors import UserError
from rd3.models import create_model
from rd3.training.execution import PLAIN, Execution
from rd3.training.graphs import WARM_UP, own_stream, record
from rd3.training.optimisers import Optimiser

TEMPERATURE = 20.0


@dataclass(frozen=True)
class Workload:
    """A student that a teacher of the same architecture labels.

    Attributes:
        model: its name in rd3.
        size: side of the images, three channels.
    """

    model: str
    size: int
    batch: int
    classes: int = 10

    @property
    def name(self) -> str:
        return f"{self.model}, {self.size} px"

    def network(self, device: torch.device, *, seed: int = 0) -> nn.Module:
        made = create_model(self.model, classes=self.classes, size=self.size, seed=seed)
        return made.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True)
class Bare:
    """Seconds of the parts of a step on a batch that is ready, and what they do.

    Attributes:
        extra: one more pass of the student in training mode without gradients, as RDED's code has it.
        flops: of teacher and student, forward and backward; convolutions and matrix products.
        bytes: that every operation reads and writes, if none is merged with the next.
    """

    teacher: float
    student: float
    optimiser: float
    extra: float
    flops: float
    bytes: float

    @property
    def seconds(self) -> float:
        return self.teacher + self.student + self.optimiser


def bare_step(work: Workload, device: torch.device, *, execution: Execution = PLAIN, budget: float = 1.0) -> Bare:
    """Measure the parts one by one, on a GPU each as a graph.

    Args:
        budget: seconds for each of them.
    """
    student, teacher = work.network(device), work.network(device, seed=1).eval().requires_grad_(False)
    optimiser = Optimiser(kind="adamw", lr=1e-3).build(student)
    draw = torch.Generator(device).manual_seed(0)
    images = torch.randn(work.batch, 3, work.size, work.size, device=device, generator=draw)
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        soft = F.softmax(teacher(images) / TEMPERATURE, dim=1)

    def label() -> None:
        with torch.no_grad():
            F.softmax(execution.forward(teacher, images) / TEMPERATURE, dim=1)

    def learn() -> None:
        optimiser.zero_grad(set_to_none=True)
        divergence(execution.forward(student, images), soft).backward()  # type: ignore[no-untyped-call]

    def look() -> None:
        with torch.no_grad():
            execution.forward(student, images)

    def step() -> None:
        label()
        learn()
        optimiser.step()

    def timed(part: Callable[[], object]) -> float:
        with own_stream(device):
            return typical_seconds(started_at_once(part, device), device, budget=budget)

    learn()  # so that there are gradients to step with
    optimiser_alone = timed(optimiser.step)
    return Bare(
        teacher=timed(label),
        student=timed(learn),
        optimiser=optimiser_alone,
        extra=timed(look),
        flops=float(flops_of(step)),
        bytes=float(bytes_of(step)),
    )


def started_at_once(part: Callable[[], object], device: torch.device) -> Callable[[], object]:
    """A part of a step as it is, or on a GPU as a graph, so that the host's work isn't counted.

    Raises:
        UserError: it could not be captured.
    """
    if device.type != "cuda":
        return part
    for _ in range(WARM_UP):
        part()
    recorded = record(part, device)
    if isinstance(recorded, str):
        raise UserError(recorded)
    return recorded.graph.replay


def divergence(logits: Tensor, soft: Tensor) -> Tensor:
    """KL(teacher ‖ student) at the temperature."""
    return F.kl_div(F.log_softmax(logits / TEMPERATURE, dim=1), soft, reduction="batchmean")


def flops_of(work: Callable[[], object]) -> int:
    """Floating-point operations of convolutions and matrix products, two a multiply-add."""
    counter = FlopCounterMode(display=False)
    with counter:
        work()
    return int(counter.get_total_flops())


def bytes_of(work: Callable[[], object]) -> int:
    """Bytes that its operations read and write."""
    traffic = Traffic()
    with traffic:
        work()
    return traffic.bytes
