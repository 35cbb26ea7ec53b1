"""Run each side as a process of its own, with a job file in and a result file out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmarks.ddranking.protocols import REAL_BATCH, SYNTHETIC_BATCH
from benchmarks.ddranking.task import Task
from benchmarks.ddranking.trainings import Training

from rd3.base.errors import UserError

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Outcome:
    """What a process left.

    Attributes:
        seconds: from its start to its end, imports included.
        trainings: that it did, where it says so.
        found: its result file.
    """

    seconds: float
    trainings: tuple[Training, ...]
    found: dict[str, Any]


def run_peer(python: Path, task: Task, folder: Path, place: Path, *, repeats: int, cores: int) -> Outcome:
    """ddranking's score of the pictures in `folder`."""
    settings = {
        "ipc": task.size.ipc,
        "num_epochs": task.size.epochs,
        "num_eval": repeats,
        "syn_batch_size": SYNTHETIC_BATCH,
        "real_batch_size": REAL_BATCH,
        "teacher_dir": str(task.teacher_file.parents[2]),
    }
    job = {
        "config": str(HERE / "config.yaml"),
        "settings": settings,
        "npz": str(task.npz),
        "images": str(folder),
        "work": str(place),
        "threads": cores,
    }
    seconds, found = _run([str(python), str(HERE / "peer.py")], job, place)
    return Outcome(seconds, peer_trainings(found["trainings"]), found)


def peer_trainings(notes: list[dict[str, Any]]) -> tuple[Training, ...]:
    """Its notes as trainings: percent to fractions, and a new seed, from the clock, for every repeat."""
    return tuple(
        Training(
            part=note["part"],
            lr=note["lr"],
            repeat=repeat,
            curve=tuple(accuracy / 100 for accuracy in note["curve"]),
            seconds=note["seconds"],
        )
        for repeat, (_, group) in enumerate(groupby(notes, key=lambda note: note["seed"]))
        for note in group
    )


def run_ours(
    mode: str, task: Task, folder: Path, place: Path, *, protocols: dict[str, Path], home: Path, cores: int
) -> Outcome:
    """rd3 on the pictures in `folder`; see `ours`."""
    job = {
        "mode": mode,
        "npz": str(task.npz),
        "teacher_file": str(task.teacher_file),
        "images": str(folder),
        "protocols": {name: str(path) for name, path in protocols.items()},
        "seeds": task.size.repeats,
        "home": str(home),
        "workers": cores,
    }
    seconds, found = _run([sys.executable, "-m", "benchmarks.ddranking.ours"], job, place)
    trainings = tuple(Training(**{**one, "curve": tuple(one["curve"])}) for one in found.get("trainings", ()))
    return Outcome(seconds, trainings, found)


def _run(command: list[str], job: dict[str, Any], place: Path) -> tuple[float, dict[str, Any]]:
    place.mkdir(parents=True)
    file, log = place / "job.json", place / "log.txt"
    file.write_text(json.dumps(job, indent=1))
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    begun = time.perf_counter()
    with log.open("w") as output:
        done = subprocess.run([*command, str(file)], stdout=output, stderr=subprocess.STDOUT, env=environment)
    seconds = time.perf_counter() - begun
    if done.returncode:
        last = (log.read_text().strip() or "no output").splitlines()[-1]
        raise UserError(f"{Path(command[0]).name} {Path(command[-1]).name} failed: {last} (all of it in {log})")
    return seconds, json.loads((place / "result.json").read_text())
