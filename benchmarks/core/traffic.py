"""Bytes that a piece of work moves: every operation reads its tensors and writes its results."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Traffic(TorchDispatchMode):
    """Counts while it is entered. Views move nothing; caches and merged operations would move less than this."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        results = func(*args, **(kwargs or {}))
        if not func.is_view:
            given, made = tensors((args, kwargs)), tensors(results)
            self.bytes += size(given) + size(made)
        return results


def tensors(tree: Any) -> list[Tensor]:
    """All of them in arguments or results."""
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, Tensor)]


def size(found: Iterable[Tensor]) -> int:
    """Bytes of their elements."""
    return sum(one.numel() * one.element_size() for one in found)
