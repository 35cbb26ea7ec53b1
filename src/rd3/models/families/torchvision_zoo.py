"""`tv:NAME`: every classifier of torchvision, freshly initialised."""

from __future__ import annotations

import re
from typing import Any

from torch import nn

from rd3.base.errors import UserError, suggestion
from rd3.models.family import FAMILIES, Family, Shape, refused, require_logits
from rd3.models.stem import adapt_stem


def build(match: re.Match[str], shape: Shape) -> nn.Module:
    """The named network; ResNets of all kinds get the small stem up to 64 px."""
    import torchvision

    if match.string not in names():
        raise UserError(f"unknown torchvision classifier '{match.string}'{suggestion(match.string, names())}")
    try:
        model: nn.Module = torchvision.models.get_model(match["name"], weights=None, **_arguments(match["name"], shape))
    except (RuntimeError, ValueError) as error:
        raise refused(match.string, shape, error) from error
    adapt_stem(model, shape)
    require_logits(match.string, model, shape)
    return model


def _arguments(name: str, shape: Shape) -> dict[str, Any]:
    arguments: dict[str, Any] = {"num_classes": shape.classes}
    if name.startswith("vit_"):
        arguments["image_size"] = shape.size
    if name == "maxvit_t":
        arguments["input_size"] = (shape.size, shape.size)
    if name in ("googlenet", "inception_v3"):
        # With auxiliary heads they return a tuple in training mode, which no loop here expects.
        arguments.update(aux_logits=False, init_weights=True)
    return arguments


def names() -> list[str]:
    """All of torchvision's classifiers, as `tv:NAME`."""
    import torchvision

    return [f"tv:{name}" for name in torchvision.models.list_models(module=torchvision.models)]


FAMILIES.add("tv")(
    Family(
        usage="tv:NAME (torchvision)", pattern=re.compile(r"tv:(?P<name>.*)"), build=build, names=names, listed=False
    )
)
