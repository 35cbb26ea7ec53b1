"""What a family of networks is, and the registry that `families/` fills: one file per family, no edit elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.base.registry import Registry


@dataclass(frozen=True)
class Shape:
    """What a network must take and give: square images of `size` px with `channels`, logits for `classes`."""

    classes: int
    size: int
    channels: int

    def __post_init__(self) -> None:
        for key, value in (("classes", self.classes), ("size", self.size), ("channels", self.channels)):
            if value < 1:
                raise UserError(f"{key} = {value}: a network needs at least 1")


@dataclass(frozen=True)
class Family:
    """Networks whose names follow one pattern.

    Attributes:
        usage: the pattern for people, for instance `convnetD[-bn][-wW]`.
        pattern: the regular expression that the whole name must match.
        build: makes the network from the match; its initialisation comes from torch's current CPU generator.
        names: the names that are worth listing.
        listed: whether `list_models('*')` shows them; a zoo of hundreds shows them only under its own prefix.
    """

    usage: str
    pattern: re.Pattern[str]
    build: Callable[[re.Match[str], Shape], nn.Module]
    names: Callable[[], list[str]]
    listed: bool = True


FAMILIES: Registry[Family] = Registry("model family", "rd3.models.families")


def require_size(name: str, shape: Shape, *, least: int) -> None:
    """Refuse images that the network would shrink to nothing.

    Raises:
        UserError: names the network, the size and the least size.
    """
    if shape.size < least:
        raise UserError(f"model '{name}' needs images of at least {least} px, got {shape.size} px")


def refused(name: str, shape: Shape, error: Exception) -> UserError:
    """The one-line error for a network that cannot be built for, or run on, these images."""
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    return UserError(f"model '{name}' cannot take {shape.channels}x{shape.size}x{shape.size} images: {reason}")


def require_logits(name: str, model: nn.Module, shape: Shape) -> None:
    """Try a network that this package did not write on one black image.

    Raises:
        UserError: the network fails on that size, or gives something else than logits (1, classes).
    """
    image = torch.zeros(1, shape.channels, shape.size, shape.size)
    try:
        with torch.no_grad(), in_eval_mode(model):
            logits = model(image)
    except (RuntimeError, ValueError, AssertionError, TypeError, IndexError) as error:
        raise refused(name, shape, error) from error
    found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
    if found != (1, shape.classes):
        raise UserError(f"model '{name}': expected logits of shape (1, {shape.classes}) for one image, got {found}")


@contextmanager
def in_eval_mode(model: nn.Module) -> Iterator[None]:
    """Put every module in eval mode, and back to what each was."""
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in training:
            module.training = True
