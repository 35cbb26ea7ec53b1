"""Networks by name, with an initialisation that depends on the seed alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch

import torch
from torch import nn

from rd3.base.errors import UserError, suggestion
from rd3.models.family import FAMILIES, Shape
from rd3.models.plugin import build_plugin, is_bare_file


def create_model(name: str, *, classes: int, size: int, channels: int = 3, seed: int | None = None) -> nn.Module:
    """A freshly initialised float32 network on the CPU.

    Args:
        name: of a family (`list_models()`), `tv:NAME` for torchvision, `timm:NAME` for timm, or `module:function` or
            `file.py:function` for any `function(*, classes, size, channels) -> nn.Module`.
        classes: number of logits.
        size: side of the square images, in pixels.
        channels: of the images.
        seed: of the initialisation: the same weights whatever the state of torch's global generator, the default
            device and the number of threads, and the global generator stays as it was. None draws from the global
            generator.

    Returns:
        A module in training mode that maps float images (B, channels, size, size) to logits (B, classes).

    Raises:
        UserError: an unknown name, images too small for the depth, or a plug-in that breaks its contract.
        MissingExtraError: `timm:` without timm.

    >>> sum(weights.numel() for weights in create_model("convnet3", classes=10, size=32, seed=0).parameters())
    320010
    """
    shape = Shape(classes=classes, size=size, channels=channels)
    with _drawn_from(seed), torch.device("cpu"):
        return _build(name, shape)


def list_models(pattern: str = "*") -> list[str]:
    """Names that match a shell pattern, sorted; the zoos only when the pattern starts with `tv:` or `timm:`.

    >>> list_models("resnet*")
    ['resnet101', 'resnet18', 'resnet34', 'resnet50']
    """
    names = [
        name
        for key in FAMILIES
        if FAMILIES[key].listed or pattern.startswith(f"{key}:")
        for name in FAMILIES[key].names()
    ]
    return sorted(name for name in names if fnmatch(name, pattern))


def _build(name: str, shape: Shape) -> nn.Module:
    for key in FAMILIES:
        match = FAMILIES[key].pattern.fullmatch(name)
        if match is not None:
            return FAMILIES[key].build(match, shape)
    if ":" in name:
        return build_plugin(name, shape)
    if is_bare_file(name):
        raise UserError(f"model '{name}' is a file; name what makes the network in it: {name}:FUNCTION")
    usages = ", ".join(FAMILIES[key].usage for key in FAMILIES)
    hint = suggestion(name.lower(), list_models())
    raise UserError(f"unknown model '{name}'{hint or '.'} Known: {usages}, module:function")


@contextmanager
def _drawn_from(seed: int | None) -> Iterator[None]:
    if seed is None:
        yield
        return
    # Only the CPU generator is forked and seeded: networks are made there and moved by the caller.
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield
