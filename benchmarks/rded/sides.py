"""The released code and rd3, each student in a process of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.core.processes import Done, run_module
from benchmarks.rded.layout import arguments, write_layout
from benchmarks.rded.protocols import ALIKE, OWN, write_protocol
from benchmarks.rded.task import Task

from rd3.base.errors import UserError

RELEASED = "released"
ONE_CORE = "released, one thread"
RD3 = f"rd3 {ALIKE}"
RD3_OWN = f"rd3 {OWN}"


@dataclass(frozen=True)
class Sides:
    """Whoever trains a student on the task.

    Attributes:
        checkout: of RDED's repository.
        cores: threads of the released code where it has the machine to itself.
        own: whether rd3's reading of the paper is a side too.
    """

    checkout: Path
    task: Task
    work: Path
    device: str
    cores: int
    own: bool

    def released(self, ipc: int, repeat: int, *, threads: int, workers: int | None) -> Done:
        """RDED's code.

        Args:
            workers: processes of its loaders; None leaves its own choice.
        """
        task = self.task
        place = self.work / f"released-{ipc}-{repeat}-{threads}-{workers}"
        write_layout(
            place / "here", task.names, images=task.images[ipc], tests=task.tests, weights=task.released_weights
        )
        job = {
            "checkout": str(self.checkout),
            "arguments": arguments(task.names, ipc=ipc, epochs=task.size.epochs),
            "threads": threads,
            "workers": workers,
            "test_per_class": task.size.test_per_class,
            "width": task.names.width,
            "seed": 42 + repeat,
        }
        return run_module("benchmarks.rded.peer", job, place / "here", device=self.device)

    def ours(self, ipc: int, repeat: int, *, base: str) -> Done:
        """rd3, under a protocol that derives from `base`."""
        task = self.task
        job = {
            "npz": str(task.npz),
            "weights": str(task.weights),
            "images": str(task.images[ipc]),
            "student": task.student,
            "protocol": str(write_protocol(base, task.size.epochs, self.work / "protocols")),
            "home": str(self.work / f"home-{base}-{ipc}"),
            "replicate": repeat,
            "device": self.device,
        }
        return run_module("benchmarks.rded.ours", job, self.work / f"{base}-{ipc}-{repeat}", device=self.device)

    def all(self, ipc: int) -> dict[str, Any]:
        """Every side by name, called with the number of the repetition."""
        gpu = self.device.startswith("cuda")
        one_core = {ONE_CORE: lambda repeat: self.released(ipc, repeat, threads=1, workers=0)}
        paper = {RD3_OWN: lambda repeat: self.ours(ipc, repeat, base=OWN)}
        return {
            RELEASED: lambda repeat: self.released(ipc, repeat, threads=self.cores, workers=None),
            **({} if gpu else one_core),
            RD3: lambda repeat: self.ours(ipc, repeat, base=ALIKE),
            **(paper if self.own else {}),
        }


def require_checkout(checkout: Path, *files: str) -> Path:
    """The checkout's absolute path.

    Raises:
        UserError: one of its files is not there.
    """
    missing = [file for file in files if not (checkout / file).is_file()]
    if missing:
        raise UserError(f"--checkout {checkout}: has no {missing[0]}; give a checkout of the released repository")
    return checkout.resolve()
