"""Nested states as flat named tensors, the form that safetensors has, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

OUTLINE = "outline"


def flat(state: Any) -> dict[str, Tensor]:
    """All tensors of dicts, lists and tuples, and the outline that they are put back into as UTF-8 bytes.

    >>> value = {"step": 3, 0: [torch.ones(2), None]}
    >>> nested(flat(value))
    {'step': 3, 0: [tensor([1., 1.]), None]}
    """
    tensors: dict[str, Tensor] = {}
    outline = json.dumps(_outline(state, tensors)).encode()
    return {**tensors, OUTLINE: torch.frombuffer(bytearray(outline), dtype=torch.uint8)}


def nested(tensors: Mapping[str, Tensor]) -> Any:
    """What `flat` was made of, with tensors as they come."""
    return _filled(json.loads(bytes(tensors[OUTLINE].tolist())), tensors)


def _outline(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The value as [kind, content]; a tensor is named by its number and goes into `tensors`."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value
        return ["tensor", name]
    if isinstance(value, dict):
        return ["dict", [[key, _outline(one, tensors)] for key, one in value.items()]]
    if isinstance(value, (list, tuple)):
        return ["list" if isinstance(value, list) else "tuple", [_outline(one, tensors) for one in value]]
    assert value is None or isinstance(value, (bool, int, float, str)), f"no state: {type(value).__name__}"
    return ["plain", value]


def _filled(outline: Any, tensors: Mapping[str, Tensor]) -> Any:
    kind, content = outline
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _filled(one, tensors) for key, one in content}
    if kind in ("list", "tuple"):
        values = [_filled(one, tensors) for one in content]
        return values if kind == "list" else tuple(values)
    return content
