"""Numbers of a recipe as tensors, made once a process: making one on a GPU is a copy that the host waits for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor


def per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    """(C, 1, 1) with the device and the precision of `like`; not to be written to."""
    return constant(tuple(values), like).view(-1, 1, 1)


def constant(values: Sequence[float] | Sequence[Sequence[float]], like: Tensor) -> Tensor:
    """The values with the device and the precision of `like`; not to be written to."""
    return _made(tuple(values), like.dtype, like.device)


@lru_cache(maxsize=256)
def _made(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    # An inference tensor could not be used in a training step later.
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)
