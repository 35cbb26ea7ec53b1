"""What every benchmark takes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import torch

from rd3.base.errors import UserError
from rd3.training.device import pick_device, prepare_process

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(kw_only=True)
class Common:
    device: str = "auto"
    """cpu, cuda, or auto: the GPU where there is one"""
    out: Path | None = None
    """folder for result.json, result.md and the charts; benchmarks/results/NAME-DEVICE by default"""
    work: Path | None = None
    """new folder for everything that is made; a temporary one by default"""

    def torch_device(self) -> torch.device:
        return pick_device(self.device)

    def folder(self, name: str) -> Path:
        return self.out or RESULTS / f"{name}-{self.torch_device().type}"


CommonT = TypeVar("CommonT", bound=Common)


def defaults(device: torch.device, *, cpu: dict[str, Any], gpu: dict[str, Any]) -> dict[str, Any]:
    """Sizes that a device can do within minutes."""
    return gpu if device.type == "cuda" else cpu


def filled(options: CommonT, *, cpu: dict[str, Any], gpu: dict[str, Any]) -> CommonT:
    """The options with every one that was left None set to the device's default."""
    values = defaults(options.torch_device(), cpu=cpu, gpu=gpu)
    return replace(options, **{name: value for name, value in values.items() if getattr(options, name) is None})


@contextmanager
def work_folder(given: Path | None) -> Iterator[Path]:
    """A new folder: the one that was asked for, which stays, or a temporary one.

    Raises:
        UserError: it exists already.
    """
    if given is None:
        with TemporaryDirectory() as made:
            yield Path(made).resolve()
        return
    if given.exists():
        raise UserError(f"--work {given}: exists already; give a new folder")
    given.mkdir(parents=True)
    yield given.resolve()


COUNTS = {"repeats", "epochs", "iterations", "per_class", "train_per_class", "test_per_class", "teacher_epochs"}
SIZES = {"ipc", "classes", "size", "seeds", "axes", "workloads"}


def require_counts(options: object) -> None:
    """Refuse nothing to do.

    Raises:
        UserError: a count below 1, or a list with none or with one below 1.
    """
    for name, value in vars(options).items():
        values = [value] if name in COUNTS else value if name in SIZES and value is not None else [1]
        low = [one for one in values if isinstance(one, int) and one < (0 if name == "workloads" else 1)]
        if low or not values:
            shown = " ".join(map(str, values)) or "nothing"
            raise UserError(f"--{name.replace('_', '-')} {shown}: at least 1 is needed")


def run_benchmark(main: Callable[[CommonT], str], options: CommonT) -> int:
    """Run, print what it says, and turn a wrong option into one line and exit code 2."""
    try:
        require_counts(options)
        prepare_process(options.torch_device())
        print(main(options))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0
