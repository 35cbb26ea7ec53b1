"""What a device can do at most: matrix multiplication and copying, measured here and now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from benchmarks.core.clock import typical_seconds

SIDE = {"cpu": 2048, "cuda": 8192}
COPIED = {"cpu": 2**28, "cuda": 2**31}  # bytes, far more than any cache holds
PRECISIONS = {"cpu": ("float32", "bfloat16"), "cuda": ("float32", "tf32", "bfloat16")}


def multiplication_rate(device: torch.device, precision: str = "float32", *, side: int | None = None) -> float:
    """FLOP/s of a square matrix product, two a multiply-add.

    Args:
        precision: `float32`, `tf32` (float32 in and out, rounded in between) or `bfloat16`.
    """
    side = side or SIDE[device.type]
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    draw = torch.Generator(device).manual_seed(0)
    left, right = (torch.randn(side, side, device=device, generator=draw).to(dtype) for _ in range(2))
    out = torch.empty_like(left)
    with _tf32(precision == "tf32"):
        seconds = typical_seconds(lambda: torch.mm(left, right, out=out), device, budget=2)
    return 2 * side**3 / seconds


def copy_rate(device: torch.device, *, size: int | None = None) -> float:
    """Bytes/s read and written by a copy within the device's memory."""
    source = torch.zeros((size or COPIED[device.type]) // 4, device=device)
    place = torch.empty_like(source)
    seconds = typical_seconds(lambda: place.copy_(source), device, budget=1)
    return 2 * source.numel() * source.element_size() / seconds


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads inside this block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
