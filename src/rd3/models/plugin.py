"""Networks that live outside this package: any function, or class, that makes one."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rd3.base.blame import blame, plugins_blamed
from rd3.base.errors import UserError
from rd3.base.plugin import is_plugin_name, load_plugin
from rd3.models.family import FAMILIES, Shape, require_logits

CONTRACT = "function(*, classes, size, channels) -> torch.nn.Module"


@plugins_blamed()
def build_plugin(name: str, shape: Shape) -> nn.Module:
    """The network that `module:function` or `file.py:function` makes.

    Raises:
        UserError: names the plug-in and what was expected of it.
    """
    plugin = load_plugin("model", name, noun="function", expected=CONTRACT)
    try:
        inspect.signature(plugin.value).bind(**asdict(shape))
    except TypeError as error:
        raise plugin.error(f"{error}; expected {CONTRACT}") from None
    model = plugin.value(**asdict(shape))
    if not isinstance(model, nn.Module):
        raise plugin.error(f"returned {type(model).__name__}; expected {CONTRACT}")
    strange = {value.dtype for value in model.parameters()} - {torch.float32}
    if strange:
        raise plugin.error(f"has parameters of {strange.pop()}; expected torch.float32")
    _try(name, model, shape)
    return model


def is_plugin_model(name: str) -> bool:
    """Whether `create_model` takes a name for that of a plug-in, be it there or not."""
    return is_plugin_name(name) and not any(FAMILIES[key].pattern.fullmatch(name) for key in FAMILIES)


def is_bare_file(name: str) -> bool:
    """Whether a name is that of a file without what to take from it."""
    return name.endswith(".py") and Path(name).expanduser().is_file()


def model_sources(values: Any) -> dict[str, str]:
    """Digests of the plug-ins among the names of networks in some plain value, for fingerprints; none for others.

    A text that looks like such a name and stands for nothing is something else.
    """
    names = [text for text in _texts(values) if is_plugin_model(text)]
    return {name: digest for name in names if (digest := _digest(name)) is not None}


def _digest(name: str) -> str | None:
    try:
        return load_plugin("model", name, noun="function", expected=CONTRACT).source.digest
    except UserError:
        return None


def _texts(values: Any) -> Iterator[str]:
    if isinstance(values, str):
        yield values
    elif isinstance(values, dict):
        yield from _texts(list(values.values()))
    elif isinstance(values, Iterable):
        for value in values:
            yield from _texts(value)


def _try(name: str, model: nn.Module, shape: Shape) -> None:
    """Try it on an image; what it cannot take is said with the line that could not."""
    try:
        require_logits(name, model, shape)
    except UserError as error:
        cause = error.__cause__
        raise (isinstance(cause, Exception) and blame(cause)) or error from cause
