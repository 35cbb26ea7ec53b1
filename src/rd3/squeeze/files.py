"""Teachers on disk: weights as safetensors, the rest as JSON."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import load_file, save_file

from rd3.base.files import os_errors
from rd3.base.plugin import require_same_sources
from rd3.data.target import Target
from rd3.models import create_model
from rd3.models.plugin import model_sources
from rd3.squeeze.outputs import TargetOutputs, output_count
from rd3.squeeze.teacher import Teacher


def save_teacher(teacher: Teacher, folder: Path) -> None:
    """Write `weights.safetensors` and `teacher.json` into an existing folder."""
    weights = {name: value.detach().cpu().contiguous() for name, value in teacher.model.state_dict().items()}
    path = folder / "weights.safetensors"
    with os_errors(path):
        save_file(weights, path)
    facts = {
        "name": teacher.name,
        "mean": teacher.mean,
        "std": teacher.std,
        "classes": teacher.classes,
        "fingerprint": teacher.fingerprint,
        "test_accuracy": teacher.test_accuracy,
        "seconds": teacher.seconds,
        "target": teacher.target,
        "pretrained": teacher.pretrained,
        "notes": teacher.notes,
        "outputs": output_count(teacher.model),
        **({"sources": sources} if (sources := model_sources(teacher.name)) else {}),
    }
    (folder / "teacher.json").write_text(json.dumps(facts, indent=1))


def load_teacher(folder: Path, target: Target) -> Teacher:
    """Read what `save_teacher` wrote; `target` says which input the architecture is built for.

    Raises:
        UserError: its architecture is a plug-in whose source has changed since.
    """
    facts = json.loads((folder / "teacher.json").read_text())
    require_same_sources(facts.get("sources", {}), model_sources(facts["name"]))
    classes = tuple(facts["classes"])
    outputs = facts.get("outputs")
    model = create_model(facts["name"], classes=outputs or len(classes), size=target.size, channels=target.channels)
    model = TargetOutputs(model, len(classes), outputs) if outputs else model
    model.load_state_dict(load_file(folder / "weights.safetensors"))
    return Teacher(
        model=model,
        name=facts["name"],
        mean=tuple(facts["mean"]),
        std=tuple(facts["std"]),
        classes=classes,
        fingerprint=facts["fingerprint"],
        test_accuracy=facts["test_accuracy"],
        seconds=facts["seconds"],
        target=facts.get("target"),
        pretrained=facts.get("pretrained", False),
        notes=tuple(facts.get("notes", ())),
    )
