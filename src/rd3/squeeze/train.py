"""The squeeze stage: a target goes in, a teacher comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.models import create_model
from rd3.squeeze.probe import Probe, backbone_hash, load_backbone
from rd3.squeeze.spec import TeacherSpec
from rd3.squeeze.teacher import Teacher
from rd3.training.accuracy import correctness
from rd3.training.execution import execution_on
from rd3.training.loop import Normalisation, fit


def squeeze(
    target: Target,
    spec: TeacherSpec,
    *,
    device: torch.device | None = None,
    progress: Callable[[float], None] = lambda _: None,
    backbone: Path | None = None,
) -> Teacher:
    """Train the teacher that `spec` describes on the target's training split.

    Args:
        backbone: the state dict whose hash is the spec's.

    Raises:
        UserError: it is another file by now, or does not fit the architecture.
    """
    device = device or torch.device("cpu")
    model = create_model(
        spec.model,
        classes=len(target.classes),
        size=target.size,
        channels=target.channels,
        seed=derive_seed("teacher init", spec.seed),
    )
    trained = _probe(model, spec, backbone) if spec.backbone else model
    trained.to(device)
    normalisation = Normalisation(spec.mean, spec.std)
    clock = fit(
        trained,
        target.train.to(device),
        spec.recipe,
        normalisation=normalisation,
        seed=derive_seed("teacher run", spec.seed),
        # In float32 everywhere: a teacher is made once, for runs of every precision.
        execution=replace(execution_on(device), precision="float32"),
        on_epoch=lambda epoch, _: progress((epoch + 1) / spec.recipe.epochs),
    )
    correct = correctness(model, target.test.to(device), normalisation=normalisation)
    return Teacher(
        model=model,
        name=spec.model,
        mean=spec.mean,
        std=spec.std,
        classes=target.classes,
        fingerprint=spec.fingerprint,
        test_accuracy=float(correct.float().mean()),
        seconds=clock.total,
        target=target.fingerprint,
        notes=("a linear probe; what its frozen backbone learned from is not recorded",) if spec.backbone else (),
    )


def _probe(model: nn.Module, spec: TeacherSpec, backbone: Path | None) -> Probe:
    assert backbone is not None, "a probe needs the file of its backbone"
    if backbone_hash(backbone) != spec.backbone:
        raise UserError(f"{backbone}: has changed since the work was planned; run it again")
    load_backbone(model, backbone, name=spec.model)
    return Probe(model)
