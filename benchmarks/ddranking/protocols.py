"""The same recipe as rd3 protocols: `config.yaml` and what ddranking 0.2.0 makes of it, one entry a setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from benchmarks.ddranking.task import Size

RATES = (0.001, 0.005, 0.01, 0.05, 0.1)  # the grid that ddranking searches
TEST_INTERVAL = 20  # epochs between its tests
JPEG_QUALITY = 75  # of the random images that it writes
TESTS = {"report_every": TEST_INTERVAL, "report_phase": TEST_INTERVAL - 1, "checkpoints": 1}  # under test-peek
SYNTHETIC_BATCH, REAL_BATCH = 50, 64


def soft_fields(size: Size) -> dict[str, Any]:
    """A_sa and A_ra; with hard labels and without CutMix, A_sh."""
    return {
        "labels": "online",
        "epochs": size.epochs,
        "batch_size": SYNTHETIC_BATCH,
        "optimiser": "adamw",
        "weight_decay": 0.01,
        "wd_exclude_1d": False,
        "schedule": "cosine",
        "zeta": 2.0,
        "augment": [{"kind": "random-resized-crop", "scale": [0.5, 1.0]}, {"kind": "flip", "p": 0.5}],
        "mix": {"kind": "cutmix", "alpha": 1.0},
        "loss": "kl",
        "temperature": 20.0,
        "kl_t2": False,
        "normalisation": "cifar10-dc",
        **TESTS,
    }


def whole_fields(size: Size) -> dict[str, Any]:
    """A_rh: ddranking's table for CIFAR-10 and ConvNet-3-BN, at the epochs and the batch size of the file."""
    return {
        "labels": "hard",
        "epochs": size.epochs,
        "batch_size": REAL_BATCH,
        "optimiser": "sgd",
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "wd_exclude_1d": False,
        "schedule": "step",
        "milestones": [100],
        "loss": "ce",
        "normalisation": "cifar10-dc",
        **TESTS,
    }


def write_protocols(size: Size, folder: Path) -> dict[str, Path]:
    """Protocol files by name: `whole`, `searched`, and `jpeg`, which is `searched` on images that went through JPEG."""
    folder.mkdir()
    searched = {**soft_fields(size), "lr_search": list(RATES)}
    jpeg = {**searched, "jpeg_quality": JPEG_QUALITY}
    return {
        "whole": _write("whole", whole_fields(size), folder),
        "searched": _write("searched", searched, folder),
        # a version of the same id: seeds are made of the id, so the two differ by the pictures alone
        "jpeg": _write("jpeg", jpeg, folder, id="searched", version=2),
    }


def _write(name: str, fields: dict[str, Any], folder: Path, *, id: str | None = None, version: int = 1) -> Path:
    path = folder / f"{name}.yaml"
    whole = {"purpose": "reference"}
    ranked = {"counterparts": {"hard": "derived", "whole": str(folder / "whole.yaml")}}
    content = {
        "id": f"side-by-side-{id or name}",
        "version": version,
        "title": f"ddranking 0.2.0 side by side, {name}",
        "source": "ddranking 0.2.0",
        "not_rankable": "a cut recipe, for this comparison only",
        "hard_without_batch_augmentation": True,
        "fields": {key: {"value": value, "provenance": "code"} for key, value in fields.items()},
        **(whole if name == "whole" else ranked),
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
