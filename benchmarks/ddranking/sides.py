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

from benchmarks.ddranking.task import HERE, Task
from benchmarks.ddranking.trainings import JPEG, Training

from rd3.base.errors import UserError
from rd3.study.asked import RANDOM
from rd3.study.jobs.run import WHOLE

VERSION = "0.2.0"


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


@dataclass(frozen=True)
class Sides:
    """Both sides on one task; one process at a time, so that each has the machine for itself.

    Attributes:
        peer_python: of an environment that has ddranking.
        config: the configuration file of ddranking.
        protocols: what rd3 makes of it, by name.
        work: folder for job files, results and rd3's store.
        cores: threads of ddranking, processes of rd3.
    """

    peer_python: Path
    task: Task
    config: Path
    protocols: dict[str, Path]
    work: Path
    cores: int
    device: str = "cpu"

    def peer(self, method: str, *, repeats: int) -> Outcome:
        """ddranking's score of the set that `method` made."""
        place = self.work / f"ddranking-{method}"
        job = {
            "config": str(self.config),
            "settings": {"num_eval": repeats},
            "npz": str(self.task.npz),
            "images": str(self.task.folders[method]),
            "work": str(place),
            "threads": self.cores,
        }
        seconds, found = _run([str(self.peer_python), str(HERE / "peer.py")], job, place)
        return Outcome(seconds, peer_trainings(found["trainings"]), found)

    def ours(self, method: str, mode: str) -> Outcome:
        """rd3 on the set that `method` made; see `ours` for the modes."""
        job = {
            "mode": mode,
            "npz": str(self.task.npz),
            "teacher_file": str(self.task.teacher_file),
            "images": str(self.task.folders[method]),
            "protocols": {name: str(path) for name, path in self.protocols.items()},
            "seeds": self.task.size.repeats,
            "home": str(self.work / "home"),
            "workers": self.cores,
            "device": self.device,
        }
        command = [sys.executable, "-m", "benchmarks.ddranking.ours"]
        seconds, found = _run(command, job, self.work / f"rd3-{mode}-{method}")
        trainings = [one for record in found["records"] for one in our_trainings(record, jpeg=mode == "jpeg")]
        return Outcome(seconds, tuple(trainings), found)


def require_peer(python: Path) -> None:
    """Refuse an environment that does not have the version that this compares with.

    Raises:
        UserError: no such program, no ddranking, or another version of it.
    """
    command = [str(python), "-c", "from importlib.metadata import version; print(version('ddranking'))"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"--peer-python {python}: no python with ddranking; see benchmarks/README.md") from None
    if found != VERSION:
        raise UserError(f"--peer-python {python}: has ddranking {found}, expected {VERSION}")


def peer_trainings(notes: list[dict[str, Any]]) -> tuple[Training, ...]:
    """Its notes as trainings: percent to fractions, and a new seed, from the clock, for every repeat."""
    return tuple(
        Training(part=note["part"], lr=note["lr"], repeat=repeat, accuracy=note["returned"] / 100)
        for repeat, (_, group) in enumerate(groupby(notes, key=lambda note: note["seed"]))
        for note in group
    )


def our_trainings(record: dict[str, Any], *, jpeg: bool = False) -> list[Training]:
    """One a rate that was tried, with the accuracy that it was chosen by."""
    part = our_part(record)
    part = JPEG if jpeg and part == "A_ra" else part
    rates = record["rates"] or [(None, record["accuracy"])]
    return [Training(part=part, lr=lr, repeat=record["replicate"], accuracy=accuracy) for lr, accuracy in rates]


def our_part(record: dict[str, Any]) -> str:
    """Which of DD-Ranking's accuracies a record is for."""
    if record["method"] == WHOLE:
        return "A_rh"
    hard = record["settings"]["labels"] == "hard"
    if record["method"] == RANDOM:
        assert not hard, "random images are scored under the recipe only"
        return "A_ra"
    return "A_sh" if hard else "A_sa"


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
