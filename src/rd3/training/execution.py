"""How a training is carried out: its precision, and whether its step is captured. Facts of a run, not of its spec.

A protocol does not say them, so they are in no hash; the record of a run has them beside the device.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from rd3.base.errors import UserError

Precision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True)
class Execution:
    """How networks are run.

    Attributes:
        precision: of convolutions and matrix products; weights, losses and optimiser states are always float32.
        graphs: whether a whole training step works on fixed buffers, and on a GPU is captured once as a CUDA graph and
            replayed; on a CPU the same step is called.
    """

    precision: Precision = "float32"
    graphs: bool = False

    def forward(self, model: nn.Module, inputs: Tensor) -> Tensor:
        """Float32 logits of normalised images."""
        # One context a call: what it caches of the weights must not outlive a pass without gradients.
        with self.autocast(inputs.device):
            logits: Tensor = model(inputs)
        return logits.float()

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        """Inside of it networks run in the precision."""
        return nullcontext() if self.precision == "float32" else torch.autocast(device.type, torch.bfloat16)


PLAIN = Execution()

_asked: ContextVar[Precision | None] = ContextVar("precision", default=None)


@contextmanager
def precision_asked_for(precision: Precision | None) -> Iterator[None]:
    """What a user asked for, for all work inside of the block; None leaves it to the device."""
    token = _asked.set(precision)
    try:
        yield
    finally:
        _asked.reset(token)


def ask_for(precision: Precision | None) -> None:
    """The same for all that a process will do."""
    _asked.set(precision)


def asked_precision() -> Precision | None:
    """What was asked for here, None where nothing was."""
    return _asked.get()


def execution_on(device: torch.device) -> Execution:
    """What was asked for, or what the device is good at: float32 on a CPU; bfloat16 and captured steps on a GPU."""
    usual: Precision = "bfloat16" if device.type == "cuda" else "float32"
    return Execution(precision=_asked.get() or usual, graphs=device.type == "cuda")


def require_precision(name: str | None) -> Precision | None:
    """A precision by name; None stays None.

    Raises:
        UserError: it is not one.
    """
    for precision in PRECISIONS:
        if name == precision:
            return precision
    if name is None:
        return None
    raise UserError(f"precision = {name}: allowed is {' or '.join(PRECISIONS)}")
