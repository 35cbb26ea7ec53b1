"""Score a folder of images with ddranking 0.2.0, and note what it does.

It runs in an environment of its own that has ddranking, and imports nothing of rd3:

    python peer.py JOB.json        # see `main` for the keys

What it changes, and nothing else: the checksums that torchvision expects of CIFAR-10's files, since these are a part of
it; and every training and every test accuracy is noted on its way out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from cifar_layout import write_cifar10  # type: ignore[import-not-found]
from ddranking.config import Config  # type: ignore[import-not-found]
from ddranking.metrics import LabelRobustScoreSoft, soft_label  # type: ignore[import-not-found]


class Noted(LabelRobustScoreSoft):  # type: ignore[misc]
    """The released score, with a note of every training and of every test during it."""

    def __init__(self, config: Config, *, synthetic: str) -> None:
        super().__init__(config)
        self._synthetic = synthetic
        self.trainings: list[dict[str, Any]] = []

    def _compute_hard_label_metrics(self, **arguments: Any) -> float:
        part = "A_rh" if arguments["mode"] == "real" else "A_sh"
        with self._noting(part, arguments["lr"]) as note:
            note["returned"] = super()._compute_hard_label_metrics(**arguments)
        return note["returned"]  # type: ignore[no-any-return]

    def _compute_soft_label_metrics(self, **arguments: Any) -> float:
        part = "A_sa" if arguments["image_path"] == self._synthetic else "A_ra"
        with self._noting(part, arguments["lr"]) as note:
            note["returned"] = super()._compute_soft_label_metrics(**arguments)
        return note["returned"]  # type: ignore[no-any-return]

    @contextmanager
    def _noting(self, part: str, lr: float | None) -> Iterator[dict[str, Any]]:
        note: dict[str, Any] = {"part": part, "lr": lr, "seed": torch.initial_seed(), "tests": [], "test_seconds": 0.0}
        self.trainings.append(note)
        begun = time.perf_counter()
        yield note
        note["seconds"] = time.perf_counter() - begun

    def note_test(self, accuracy: float, seconds: float) -> None:
        self.trainings[-1]["tests"].append(accuracy)
        self.trainings[-1]["test_seconds"] += seconds


def note_tests(score: Noted) -> None:
    """Let `score` hear of every test accuracy on its way from `validate`."""
    released = soft_label.validate

    def validate(**arguments: Any) -> float:
        begun = time.perf_counter()
        accuracy = released(**arguments)
        score.note_test(accuracy, time.perf_counter() - begun)
        return accuracy  # type: ignore[no-any-return]

    soft_label.validate = validate


def teacher_correct(score: LabelRobustScoreSoft) -> int:
    """How many test images its copy of the teacher gets right."""
    teacher = score.teacher_models[0]
    place = next(teacher.parameters()).device
    with torch.inference_mode():
        return sum(
            int((teacher(pictures.to(place)).argmax(1).cpu() == labels).sum())
            for pictures, labels in score.test_loader_real
        )


def main(job: dict[str, Any]) -> dict[str, Any]:
    """Do a job.

    Args:
        job: `config` (a file) and `settings` in addition to it, `npz`, `images` (a folder of class folders), `work` (a
            folder to write in) and `threads`.
    """
    torch.set_num_threads(job["threads"])
    work = Path(job["work"])
    write_cifar10(Path(job["npz"]), work / "real")
    config = Config.from_file(job["config"])
    paths = {"real_data_path": work / "real", "random_data_path": work / "random", "save_path": work / "scores.csv"}
    config.update({**job["settings"], **{key: str(path) for key, path in paths.items()}})
    begun = time.perf_counter()
    score = Noted(config, synthetic=job["images"])
    note_tests(score)
    printed = score.compute_metrics(image_path=job["images"])
    return {
        "printed": printed,
        "trainings": score.trainings,
        "compute_seconds": time.perf_counter() - begun,
        "teacher_correct": teacher_correct(score),
        "versions": {name: version(name) for name in ("ddranking", "torch", "torchvision", "numpy", "pillow")},
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    result = main(json.loads(job_file.read_text()))
    job_file.with_name("result.json").write_text(json.dumps(result, indent=1))
