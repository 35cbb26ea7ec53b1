"""The images that are learned: their values, their optimiser, and how networks get to see them."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

from rd3.data.mosaic import Decode, decoded
from rd3.matching.loop import State
from rd3.matching.pixels import Space

OptimiserOf = Callable[[list[Tensor]], Optimizer]


class Learnable:
    """Learned images.

    Args:
        initial: (classes, ipc, C, H, W), values of `space`; not written to.
        space: of the values.
        optimiser: makes the images' optimiser.
        decode: how a stored image, a mosaic, becomes several; None where it is one.
    """

    def __init__(
        self,
        initial: Tensor,
        *,
        space: Space,
        optimiser: OptimiserOf,
        decode: Decode | None = None,
    ) -> None:
        self.values = initial.detach().clone().requires_grad_()
        self.optimiser = optimiser([self.values])
        self._space, self.decode = space, decode

    @property
    def classes(self) -> int:
        return len(self.values)

    def shown(self, label: int) -> Tensor:
        """The images of a class as networks take them: (M, C, H, W), normalised, mosaics taken apart."""
        values = self.values[label]
        if self.decode is None:
            return self._space.to_normalised(values)
        return self._space.raw_to_normalised(decoded(self._space.to_raw(values), self.decode))

    def add_gradient(self, loss: Tensor) -> Tensor:
        """Add the gradient of a loss to that of the values, and to nothing else; returns the loss without graph."""
        torch.autograd.backward(loss, inputs=[self.values])
        return loss.detach()

    def descend(self, loss: Tensor) -> Tensor:
        """One step on a loss; returns it without graph."""
        self.optimiser.zero_grad()
        self.add_gradient(loss)
        self.optimiser.step()
        return loss.detach()

    @torch.no_grad()
    def clamp(self) -> None:
        """Put the values back into [0, 1]."""
        self.values.clamp_(0, 1)

    def raw(self) -> Tensor:
        """The stored images (classes, ipc, C, H, W): 0 is black and 1 is white, not clamped."""
        return self._space.to_raw(self.values.detach())

    def state(self) -> State:
        return {"values": self.values.detach(), "optimiser": self.optimiser.state_dict()}

    @torch.no_grad()
    def restore(self, state: State) -> None:
        self.values.copy_(state["values"])
        self.optimiser.load_state_dict(state["optimiser"])
