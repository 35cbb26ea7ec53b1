"""The recipe: one DD-Ranking configuration file for both sides, and the protocols that rd3 makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from benchmarks.ddranking.task import HERE, Size

RATES = (0.001, 0.005, 0.01, 0.05, 0.1)  # the grid that ddranking searches
TEST_INTERVAL = 20  # epochs between its tests
JPEG_QUALITY = 75  # of the random images that it writes
ONE_TEST = {"checkpoints": 1}  # no test curve: ddranking tests once in 20 epochs


def write_config(size: Size, teachers: Path, path: Path, *, device: str = "cpu") -> None:
    """`config.yaml` with what depends on the size; ddranking gets the paths it writes to besides."""
    values = yaml.safe_load((HERE / "config.yaml").read_text())
    values |= {
        "ipc": size.ipc,
        "num_epochs": size.epochs,
        "num_eval": size.repeats,
        "syn_batch_size": size.synthetic_batch,
        "real_batch_size": size.real_batch,
        "teacher_dir": str(teachers),
        "device": device,
    }
    path.write_text(yaml.safe_dump(values, sort_keys=False))


def whole_fields(size: Size) -> dict[str, Any]:
    """A_rh: ddranking's table for CIFAR-10 and ConvNet-3-BN, at the epochs and the batch size of the file."""
    return {
        "labels": "hard",
        "epochs": size.epochs,
        "batch_size": size.real_batch,
        "optimiser": "sgd",
        "lr": 0.01,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "wd_exclude_1d": False,
        "schedule": "step",
        "milestones": [100],
        "loss": "ce",
        "normalisation": "cifar10-dc",
        **ONE_TEST,
    }


def write_protocols(size: Size, config: Path, folder: Path) -> dict[str, Path]:
    """Protocol files by name.

    `whole` trains the whole target as ddranking does; `searched` is the configuration file scored against it; `jpeg` is
    `searched` on images that went through JPEG.
    """
    folder.mkdir()
    against_whole: dict[str, Any] = {
        "counterparts": {"hard": "derived", "whole": str(folder / "whole.yaml")},
        "hard_without_batch_augmentation": True,
    }
    searched: dict[str, Any] = {"base": f"ddranking:{config}", **against_whole}
    return {
        "whole": _write(folder / "whole.yaml", whole_fields(size), purpose="reference"),
        "searched": _write(folder / "searched.yaml", ONE_TEST, **searched),
        # a version of the same id: seeds are made of the id, so the two differ by the pictures alone
        "jpeg": _write(
            folder / "jpeg.yaml", {**ONE_TEST, "jpeg_quality": JPEG_QUALITY}, **searched, name="searched", version=2
        ),
    }


def _write(path: Path, fields: dict[str, Any], *, name: str | None = None, version: int = 1, **more: Any) -> Path:
    content = {
        "id": f"side-by-side-{name or path.stem}",
        "version": version,
        "title": f"side by side with ddranking 0.2.0, {path.stem}",
        "source": "ddranking 0.2.0",
        "not_rankable": "a cut recipe, for this comparison only",
        "fields": {key: {"value": value, "provenance": "code"} for key, value in fields.items()},
        **more,
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path
