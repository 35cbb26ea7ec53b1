"""How much memory a piece of work takes: counted on a few images, and scaled to many."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

FEW = (2, 4)  # images that work is tried on
LIBRARIES = 64 * 2**20  # what they allocate whatever the images


class Footprint(NamedTuple):
    """Bytes at the peak of some work on n images, fixed + n · each."""

    fixed: int
    each: int

    def at(self, images: int) -> int:
        return self.fixed + self.each * images


def footprint(work: Callable[[int], object]) -> Footprint:
    """Of work on n images, in which all that grows with n grows in proportion.

    Args:
        work: does it for a given n; called with `FEW`.
    """
    few, more = (peak_bytes(lambda n=n: work(n)) for n in FEW)  # type: ignore[misc]
    each = max(0, -(-(more - few) // (FEW[1] - FEW[0])))
    return Footprint(max(0, more - FEW[1] * each), each)


def bound(tensors: int, device: torch.device) -> int:
    """Bytes by which memory grows at most for so many of tensors.

    On a CPU a process grows by up to twice the tensors: freed blocks leave gaps that the next do not fit into, and
    oneDNN works on copies. On a GPU what is allocated is counted, without gaps, but with workspaces.
    """
    return int((2.5 if device.type == "cpu" else 1.5) * tensors) + LIBRARIES


def held_bytes(make: Callable[[], object]) -> int:
    """Bytes of the tensors that stay alive with what `make` returns."""
    with _Allocations() as allocations:
        made = make()
        alive = allocations.alive
    del made
    return int(alive)


def peak_bytes(work: Callable[[], object]) -> int:
    """The most bytes of tensors that are alive at one time and were made by `work`.

    What libraries take for themselves within one operation is not seen, but for the copies that convolutions make.
    """
    with _Allocations() as allocations:
        work()
    return int(allocations.peak)


class _Allocations(TorchDispatchMode):
    """Follows the storage of every tensor that operations give, also those that autograd keeps."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = self.alive = 0
        self._known: dict[int, int] = {}  # storage -> bytes, 0 for one that was there before

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports all of its compiler, which takes seconds

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        for given in _tensors((args, kwargs)):
            self._see(given, counts=False)
        result = func(*args, **(kwargs or {}))
        for made in _tensors(result):
            self._see(made, counts=True)
        if "convolution" in func.name():
            self.peak = max(self.peak, self.alive + _layouts(args, result))
        return result

    def _see(self, tensor: Tensor, *, counts: bool) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._known:
            return
        self._known[key] = storage.nbytes() if counts else 0
        self.alive += self._known[key]
        self.peak = max(self.peak, self.alive)
        weakref.finalize(storage, self._forget, key)

    def _forget(self, key: int) -> None:
        self.alive -= self._known.pop(key, 0)


def _layouts(args: Any, result: Any) -> int:
    """Bytes of the copies of what goes in and comes out that a convolution works on, in a layout of its own."""
    return sum(value.numel() * value.element_size() for value in _tensors((args, result)))


def _tensors(values: Any) -> list[Tensor]:
    return [value for value in tree_leaves(values) if isinstance(value, Tensor) and value.layout == torch.strided]
