"""A loss that is the same function of the view in every iteration: its passes are captured once and then replayed.

A teacher's forward and backward pass with its statistics is some hundred short kernels, which a GPU finishes faster
than Python can start them; a graph starts them all at once. View, optimiser and clamping stay outside of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rd3.recover.plan import PlanItem
from rd3.training.graphs import WARM_UP, record

OfView = Callable[[Tensor, PlanItem], Tensor]  # (what a teacher sees, labels and slots) -> a scalar


class Repeated:
    """A function of a view, as a graph on a GPU once it has been called a few times for the same item and size.

    Args:
        function: its result may depend on the arguments and on tensors that stay where they are; what it reads of the
            host is read once.
        refused: told, with the item, why it cannot be captured; from then on it is called.
    """

    def __init__(self, function: OfView, *, refused: Callable[[str, PlanItem], None] = lambda *_: None) -> None:
        self._function, self._refused = function, refused
        self._item: PlanItem | None = None
        self._size: tuple[int, ...] = ()
        self._calls = 0
        self._fixed: _Fixed | None = None
        self._called = False

    def __call__(self, view: Tensor, item: PlanItem) -> Tensor:
        if self._called or not self.applies_to(view):
            return self._function(view, item)
        if item is not self._item or view.shape != self._size:  # images that join change the item in every iteration
            self._item, self._size, self._calls, self._fixed = item, view.shape, 0, None
        if self._fixed is None and self._calls >= WARM_UP:
            self._fixed = self._captured(view, item)
        self._calls += 1
        return self._function(view, item) if self._fixed is None else _through(view, self._fixed)

    def applies_to(self, view: Tensor) -> bool:
        """Whether passes over such a view are worth capturing."""
        return view.is_cuda

    def _captured(self, view: Tensor, item: PlanItem) -> _Fixed | None:
        buffer = view.detach().clone().requires_grad_()

        def passes() -> _Passes:
            loss = self._function(buffer, item)
            (gradient,) = torch.autograd.grad(loss, buffer)
            return _Passes(loss.detach(), gradient)

        if not view.is_cuda:
            return _Fixed(buffer, passes)
        recorded = record(passes, view.device)
        if isinstance(recorded, str):
            self._called = True
            self._refused(recorded, item)
            return None

        def replay() -> _Passes:
            recorded.graph.replay()
            return recorded.result

        return _Fixed(buffer, replay)


class _Passes(NamedTuple):
    loss: Tensor
    gradient: Tensor


class _Fixed(NamedTuple):
    """Passes over what lies in the buffer."""

    buffer: Tensor
    passes: Callable[[], _Passes]


def _through(view: Tensor, fixed: _Fixed) -> Tensor:
    loss: Tensor = _Through.apply(view, fixed)  # type: ignore[no-untyped-call]
    return loss


class _Through(torch.autograd.Function):
    """The loss of a view; its gradient is there already, and is read before the next iteration writes it anew."""

    @staticmethod
    def forward(ctx: Any, view: Tensor, fixed: _Fixed) -> Tensor:
        with torch.no_grad():
            fixed.buffer.copy_(view)
        with torch.enable_grad():
            loss, ctx.gradient = fixed.passes()
        ctx.buffer, ctx.written = fixed.buffer, fixed.buffer._version
        return loss.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, outside: Tensor) -> tuple[Tensor, None]:
        assert ctx.buffer._version == ctx.written, "the passes were done again before the gradient was read"
        return outside * ctx.gradient, None
