"""The squeeze stage: a target goes in, a teacher comes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.models import create_model
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
) -> Teacher:
    """Train the teacher that `spec` describes on the target's training split."""
    device = device or torch.device("cpu")
    model = create_model(
        spec.model,
        classes=len(target.classes),
        size=target.size,
        channels=target.channels,
        seed=derive_seed("teacher init", spec.seed),
    ).to(device)
    normalisation = Normalisation(spec.mean, spec.std)
    clock = fit(
        model,
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
    )
