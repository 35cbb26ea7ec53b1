"""Score a folder of images with ddranking 0.2.0, and note what it does.

It runs in an environment of its own that has ddranking, and imports nothing of rd3:

    python peer.py JOB.json        # see `main` for the keys

What it changes, and nothing else: the checksums that torchvision expects of CIFAR-10's files, since these are a part of
it; and every training and every test accuracy is noted on its way out.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.datasets import CIFAR10

SPLITS = ("train", "test")
start = time.perf_counter()
from ddranking.config import Config  # noqa: E402
from ddranking.metrics import LabelRobustScoreSoft, soft_label  # noqa: E402

IMPORT_SECONDS = time.perf_counter() - start


class Noted(LabelRobustScoreSoft):
    """The released score, with a note of every training and of every test during it."""

    def __init__(self, config: Config, *, synthetic: str) -> None:
        super().__init__(config)
        self._synthetic = synthetic
        self.trainings: list[dict[str, Any]] = []

    def _compute_hard_label_metrics(self, **arguments: Any) -> float:
        part = "A_rh" if arguments["mode"] == "real" else "A_sh"
        with self._noting(part, arguments["lr"]) as note:
            note["returned"] = super()._compute_hard_label_metrics(**arguments)
        return note["returned"]

    def _compute_soft_label_metrics(self, **arguments: Any) -> float:
        part = "A_sa" if arguments["image_path"] == self._synthetic else "A_ra"
        with self._noting(part, arguments["lr"]) as note:
            note["returned"] = super()._compute_soft_label_metrics(**arguments)
        return note["returned"]

    @contextmanager
    def _noting(self, part: str, lr: float | None) -> Iterator[dict[str, Any]]:
        note = {"part": part, "lr": lr, "seed": torch.initial_seed(), "curve": [], "test_seconds": 0.0}
        self.trainings.append(note)
        begun = time.perf_counter()
        yield note
        note["seconds"] = time.perf_counter() - begun

    def note_test(self, accuracy: float, seconds: float) -> None:
        self.trainings[-1]["curve"].append(accuracy)
        self.trainings[-1]["test_seconds"] += seconds


def note_tests(score: Noted) -> None:
    """Let `score` hear of every test accuracy on its way from `validate`."""
    released = soft_label.validate

    def validate(**arguments: Any) -> float:
        begun = time.perf_counter()
        accuracy = released(**arguments)
        score.note_test(accuracy, time.perf_counter() - begun)
        return accuracy

    soft_label.validate = validate


def write_cifar10(npz: Path, root: Path) -> None:
    """A part of CIFAR-10 in the layout of the whole, and torchvision told of its checksums.

    Pickles, since that is what torchvision reads; they never leave this machine.
    """
    arrays = np.load(npz, allow_pickle=False)
    folder = root / CIFAR10.base_folder
    folder.mkdir(parents=True)
    flat = {
        split: arrays[f"x_{split}"].transpose(0, 3, 1, 2).reshape(len(arrays[f"x_{split}"]), -1) for split in SPLITS
    }
    parts = np.array_split(np.arange(len(flat["train"])), len(CIFAR10.train_list))
    names = [name for name, _ in CIFAR10.train_list]
    sums = [
        write_pickle(folder / name, {"data": flat["train"][part], "labels": arrays["y_train"][part].tolist()})
        for name, part in zip(names, parts, strict=True)
    ]
    CIFAR10.train_list = [[name, md5] for name, md5 in zip(names, sums, strict=True)]
    name = CIFAR10.test_list[0][0]
    test = {"data": flat["test"], "labels": arrays["y_test"].tolist()}
    CIFAR10.test_list = [[name, write_pickle(folder / name, test)]]
    meta = {"label_names": arrays["classes"].tolist()}
    CIFAR10.meta = {**CIFAR10.meta, "md5": write_pickle(folder / CIFAR10.meta["filename"], meta)}


def write_pickle(path: Path, content: dict[str, Any]) -> str:
    """Returns the MD5 of the file."""
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def teacher_correct(score: LabelRobustScoreSoft) -> int:
    """How many test images its copy of the teacher gets right."""
    with torch.inference_mode():
        return sum(
            int((score.teacher_models[0](pictures).argmax(1) == labels).sum())
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
    made = time.perf_counter()
    printed = score.compute_metrics(image_path=job["images"])
    return {
        "printed": printed,
        "trainings": score.trainings,
        "seconds": {"import": IMPORT_SECONDS, "construct": made - begun, "compute": time.perf_counter() - made},
        "teacher_correct": teacher_correct(score),
        "versions": {"ddranking": version("ddranking"), "torch": torch.__version__, "numpy": np.__version__},
        "threads": torch.get_num_threads(),
    }


if __name__ == "__main__":
    job_file = Path(sys.argv[1])
    result = main(json.loads(job_file.read_text()))
    job_file.with_name("result.json").write_text(json.dumps(result, indent=1))
