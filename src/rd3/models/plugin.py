"""Networks that live outside this package: any importable function that makes one."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from torch import nn

from rd3.base.errors import UserError, suggestion
from rd3.models.family import Shape, require_logits

CONTRACT = "function(*, classes, size, channels) -> torch.nn.Module"


def build_plugin(name: str, shape: Shape) -> nn.Module:
    """The network that `module:function` makes.

    Raises:
        UserError: names the plug-in and what was expected of it.
    """
    function = _find(name)
    try:
        inspect.signature(function).bind(**asdict(shape))
    except TypeError as error:
        raise UserError(f"model plug-in '{name}': {error}; expected {CONTRACT}") from None
    model = function(**asdict(shape))
    if not isinstance(model, nn.Module):
        raise UserError(f"model plug-in '{name}' returned {type(model).__name__}; expected {CONTRACT}")
    require_logits(name, model, shape)
    return model


def _find(name: str) -> Callable[..., Any]:
    module_name, _, function_name = name.partition(":")
    try:
        module = importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:
        reason = str(error) or type(error).__name__
        raise UserError(
            f"model plug-in '{name}': cannot import '{module_name}' ({reason}); expected {CONTRACT}"
        ) from error
    functions: dict[str, Callable[..., Any]] = {key: value for key, value in vars(module).items() if callable(value)}
    if function_name not in functions:
        hint = suggestion(function_name, functions)
        raise UserError(f"model plug-in '{name}': '{module_name}' has no function '{function_name}'{hint}")
    return functions[function_name]
