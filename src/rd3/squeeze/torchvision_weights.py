"""Weights that torchvision offers: downloaded by torch.hub once, and read as plain tensors."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rd3.base.errors import UserError, suggestion, unknown
from rd3.squeeze.state_dict import StateDict, content_hash, plain_state_dict
from rd3.squeeze.weights import Weights, not_found, weights_in

PORTED = ("googlenet", "inception_v3")
"""Their weights come from TensorFlow and expect (x − 0.5) / 0.5; torchvision changes the input inside the network."""
AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")


def torchvision_weights(name: str, weights: str | None, file: Path | None) -> Weights:
    """Weights of a torchvision classifier, or those in `file` with the normalisation of torchvision's.

    Args:
        weights: a name such as `IMAGENET1K_V1`; None for the best that torchvision has.
    """
    entry = _entry(name, weights)
    facts = _facts(name, entry)
    if file is not None:
        return replace(weights_in(file), mean=facts["mean"], std=facts["std"])
    state = _without_auxiliary(_state_dict(f"torchvision:{name}", entry), name)
    heads = (f"{name}: its auxiliary classifiers are left out",) if name in PORTED else ()
    return Weights(
        f"torchvision:{name}:{entry.name}", state, content_hash(state), **facts, pretrained=True, notes=heads
    )


def _entry(name: str, weights: str | None) -> Any:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        raise UserError(f"unknown torchvision classifier '{name}'{suggestion(name, known)}")
    enum = models.get_model_weights(name)
    if weights is None:
        return enum.DEFAULT
    if weights not in enum.__members__:
        raise unknown(f"torchvision weights of {name}", weights, enum.__members__)
    return enum[weights]


def _facts(name: str, entry: Any) -> dict[str, Any]:
    preset = entry.transforms()
    mean, std = ((0.5,) * 3, (0.5,) * 3) if name in PORTED else (tuple(preset.mean), tuple(preset.std))
    return {"mean": mean, "std": std, "size": preset.crop_size[0]}


def _state_dict(name: str, entry: Any) -> StateDict:
    place = Path(torch.hub.get_dir()) / "checkpoints" / Path(entry.url).name
    try:
        loaded = entry.get_state_dict(progress=False, check_hash=True, map_location="cpu", weights_only=True)
    except Exception as error:  # no network, a wrong hash, a damaged or hostile file in the cache
        raise not_found(name, error, f"torch.hub looks for {place} and then for {entry.url}") from None
    return plain_state_dict(loaded, str(place))


def _without_auxiliary(state: StateDict, name: str) -> StateDict:
    if name not in PORTED:
        return state
    return {key: value for key, value in state.items() if not key.startswith(AUXILIARY)}
