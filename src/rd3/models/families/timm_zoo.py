"""`timm:NAME`: every classifier of timm, freshly initialised. Needs the extra `zoo`."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from rd3.base.errors import MissingExtraError, UserError, suggestion
from rd3.models.family import FAMILIES, Family, Shape, refused, require_logits


def build(match: re.Match[str], shape: Shape) -> nn.Module:
    """The named network, told the size of the images where it needs to know it."""
    timm = _timm()
    name = match["name"]
    if not timm.is_model(name):
        raise UserError(f"unknown timm model '{name}'{suggestion(name, timm.list_models())}")
    arguments: dict[str, Any] = {"num_classes": shape.classes, "in_chans": shape.channels}
    # timm marks the networks whose weights depend on the image size; only those take `img_size`.
    if getattr(timm.get_pretrained_cfg(name), "fixed_input_size", False):
        arguments["img_size"] = shape.size
    try:
        model: nn.Module = timm.create_model(name, pretrained=False, **arguments)
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        raise refused(match.string, shape, error) from error
    require_logits(match.string, model, shape)
    return model


def names() -> list[str]:
    """All of timm's classifiers, as `timm:NAME`."""
    return [f"timm:{name}" for name in _timm().list_models()]


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        raise MissingExtraError("zoo") from None
    return timm


FAMILIES.add("timm")(
    Family(usage="timm:NAME", pattern=re.compile(r"timm:(?P<name>.*)"), build=build, names=names, listed=False)
)
