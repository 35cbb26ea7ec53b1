"""Weights that timm offers, or a file for one of its networks. Needs the extra `zoo`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from rd3.base.errors import MissingExtraError, UserError, suggestion
from rd3.squeeze.state_dict import content_hash
from rd3.squeeze.weights import Weights, not_found, weights_in


def timm_weights(name: str, file: Path | None) -> Weights:
    """Pretrained weights of a timm network, or those in `file` with the normalisation of timm's.

    Args:
        name: with timm's tag behind a dot, or not: `resnet50.a1_in1k`.
    """
    timm = _timm()
    if not timm.is_model(name):
        raise UserError(f"unknown timm model '{name}'{suggestion(name, timm.list_models())}")
    facts = _facts(timm.get_pretrained_cfg(name, allow_unregistered=False))
    if file is not None:
        return replace(weights_in(file), mean=facts.get("mean"), std=facts.get("std"), size=facts.get("size"))
    try:
        with _quiet():
            state = timm.create_model(name, pretrained=True).state_dict()
    except Exception as error:  # no network, no such tag, nothing published
        raise not_found(f"timm:{name}", error, f"timm:{name}@FILE reads a file") from None
    return Weights(f"timm:{name}", state, content_hash(state), **facts, pretrained=True)


def _facts(configuration: Any) -> dict[str, Any]:
    if configuration is None:
        return {}
    mean, std, shape = configuration.mean, configuration.std, configuration.input_size
    return {"mean": tuple(mean), "std": tuple(std), "size": shape[-1]}


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the hub's account of every failed attempt."""
    logger = logging.getLogger("huggingface_hub")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _timm() -> Any:
    try:
        import timm
    except ImportError:
        raise MissingExtraError("zoo") from None
    return timm
