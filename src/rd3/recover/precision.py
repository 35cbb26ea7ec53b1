"""Mixed precision: teachers compute in 16 bits, everything around them in 32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch
from torch import Tensor

from rd3.base.errors import UserError

Precision = Literal["float32", "bf16", "fp16"]
HALF = {"bf16": torch.bfloat16, "fp16": torch.float16}


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[object]:
    """Layers inside run in `precision`; the gradients that come out of them are in the type of what went in."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, HALF[precision])


def full(values: Tensor) -> Tensor:
    """Half-precision values as float32, others as they are: a variance of 8 bits of mantissa is no statistic."""
    return values.float() if values.dtype in HALF.values() else values


def needs_scaling(precision: Precision) -> bool:
    """Whether gradients underflow: those of float16, whose exponents are short; bfloat16 has float32's."""
    return precision == "fp16"


def require_precision(precision: Precision, device: torch.device) -> None:
    """Refuse what a device cannot do.

    Raises:
        UserError: float16 without a GPU, where gradients underflow and nothing is faster.
    """
    if precision == "fp16" and device.type != "cuda":
        raise UserError(f"precision = fp16: needs a GPU; on {device.type} allowed are float32 and bf16")
