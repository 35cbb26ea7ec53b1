"""Teachers that somebody else trained: found, fitted, and checked on the target before they are believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.base.spec import fingerprint_of, parse
from rd3.data.target import Target
from rd3.models.plugin import model_sources
from rd3.squeeze.brought_check import check_teacher
from rd3.squeeze.brought_spec import USAGE, BroughtSpec, Match, Others, model_of
from rd3.squeeze.fitted import fit_weights
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.weights import Weights, find_weights
from rd3.training.loop import Normalisation


@dataclass(frozen=True)
class Brought:
    """A teacher from elsewhere that fits the target and is not tested on it yet."""

    model: nn.Module
    name: str
    normalisation: Normalisation
    fingerprint: str
    pretrained: bool
    notes: tuple[str, ...]


def bring_teacher(
    source: str | Path,
    target: Target,
    *,
    model: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    match: Match = "names",
    classes: str | Sequence[str] | None = None,
    others: Others = "kept",
    pretrained: bool | None = None,
    device: torch.device | None = None,
) -> Teacher:
    """Take a trained network as a teacher for `target`, and check it on the target's test split.

    Args:
        source: a state dict (`.pt`, `.pth`, `.safetensors`), `torchvision:NAME`, `torchvision:NAME:WEIGHTS`,
            `timm:NAME`, or a zoo's network with a file, `timm:NAME@FILE`.
        model: its architecture, as `rd3.create_model` knows it; a zoo's source names it by itself.
        mean, std: what the network was trained with; by default a zoo's own, and the target's for a file.
        match: `position` for a state dict with other names in the same order.
        classes: what the outputs are, in their order: `imagenet-1k`, a file with a name a line, or a list. 1000 outputs
            for fewer classes are ImageNet's by default; those of the target's classes are kept.
        others: `cut` to forget outputs for other classes; they never enter the logits, and where images are optimised
            under the teacher they count unless they are cut.
        pretrained: whether other data than the target's were learned from, where that is not plain.

    Raises:
        UserError: the weights cannot be found or read safely, do not fit, or their accuracy shows that the classes are
            in another order or the normalisation is another.
    """
    reading = {"mean": mean, "std": std, "match": match, "classes": classes, "others": others, "pretrained": pretrained}
    return bring(brought_spec(source, model=model, **reading), target, device=device)


def brought_spec(source: str | Path, *, model: str | None = None, **reading: Any) -> BroughtSpec:
    """The spec of a source, which names its architecture or is given one.

    Raises:
        UserError: nobody names the architecture, or two do.
    """
    named = model_of(str(source))
    if named is None and model is None:
        raise UserError(f"teacher '{source}': name its architecture (model), or give {USAGE}")
    if named is not None and model not in (None, named):
        raise UserError(f"teacher '{source}': is a {named}, not a {model}")
    values = {"source": str(source), "model": named or model, **reading}
    return parse(BroughtSpec, values, where=f"teacher '{source}'")


def bring(spec: BroughtSpec, target: Target, *, device: torch.device | None = None) -> Teacher:
    """The teacher that `spec` describes, checked; see `bring_teacher`."""
    ready, device = prepare(spec, target), device or torch.device("cpu")
    model = ready.model.to(device)
    accuracy, notes = check_teacher(model, target, ready.normalisation, name=spec.source, device=device)
    return Teacher(
        model=model,
        name=ready.name,
        mean=ready.normalisation.mean,
        std=ready.normalisation.std,
        classes=target.classes,
        fingerprint=ready.fingerprint,
        test_accuracy=accuracy,
        seconds=0.0,
        target=target.fingerprint,
        pretrained=ready.pretrained,
        notes=(*ready.notes, *notes),
    )


def prepare(spec: BroughtSpec, target: Target) -> Brought:
    """Everything but the test: weights found, and fitted to the target's classes.

    Raises:
        UserError: as `bring_teacher`, but for what the test split shows.
    """
    weights = find_weights(spec.source)
    normalisation = _normalisation(spec, weights, target)
    fitted = fit_weights(weights, spec, target)
    pretrained = weights.pretrained or fitted.more_outputs if spec.pretrained is None else spec.pretrained
    notes = (*(("pretrained on other data",) if pretrained else ()), *weights.notes, *fitted.notes)
    if weights.size not in (None, target.size):
        notes = (*notes, f"its weights were made for {weights.size} px, the images have {target.size} px")
    fingerprint = _fingerprint(weights, spec, target, normalisation, fitted.rows)
    return Brought(fitted.model, spec.model, normalisation, fingerprint, pretrained, notes)


def _normalisation(spec: BroughtSpec, weights: Weights, target: Target) -> Normalisation:
    mean = spec.mean or weights.mean or target.mean
    std = spec.std or weights.std or target.std
    for key, values in (("mean", mean), ("std", std)):
        if len(values) != target.channels:
            raise UserError(f"{key} = {list(values)}: {target.name} has {target.channels} channel(s)")
    return Normalisation(mean, std)


def _fingerprint(
    weights: Weights, spec: BroughtSpec, target: Target, normalisation: Normalisation, rows: tuple[int, ...] | None
) -> str:
    """Of all that decides its logits and its test accuracy: the same file with another mean is another teacher."""
    values = [weights.sha256, target.fingerprint, spec.model, list(normalisation.mean), list(normalisation.std)]
    how: dict[str, Any] = {"rows": rows, "pretrained": spec.pretrained, "sources": model_sources(spec.model) or None}
    how |= {key: getattr(spec, key) for key in ("match", "others") if getattr(spec, key) not in ("names", "kept")}
    used = {key: value for key, value in how.items() if value is not None}
    return fingerprint_of("brought teacher", [*values, used] if used else values)
