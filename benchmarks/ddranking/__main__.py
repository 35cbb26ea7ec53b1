"""Score one small task with the released ddranking 0.2.0 and with rd3, and hold the two against each other.

    python -m benchmarks.ddranking --peer-python ENV/bin/python --cifar10 PATH --out FOLDER

See benchmarks/README.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro
from benchmarks.ddranking.protocols import TEST_INTERVAL, write_config, write_protocols
from benchmarks.ddranking.report import markdown
from benchmarks.ddranking.results import result_of
from benchmarks.ddranking.sides import Outcome, Sides, require_peer
from benchmarks.ddranking.task import Size, make_task

from rd3.base.errors import UserError
from rd3.training.device import prepare_process


@dataclass(kw_only=True)
class Options:
    peer_python: Path
    """python of an environment that has ddranking 0.2.0"""
    cifar10: Path
    """CIFAR-10: an .npz file (x_train, y_train, x_test, y_test), or the folder that holds cifar-10-batches-py"""
    out: Path
    """folder for result.json and result.md"""
    sets: tuple[str, str] = ("rded", "herding")
    """methods of the two synthetic sets that are scored one after the other"""
    second_repeats: int = 1
    """repeats of ddranking on the second set, which is there for its cost"""
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """threads of ddranking, processes of rd3"""
    size: tyro.conf.OmitArgPrefixes[Size] = field(default_factory=Size)
    work: Path | None = None
    """new folder for everything that is made; a temporary one by default"""


def run(options: Options, work: Path) -> dict[str, Any]:
    """Everything, one after the other.

    Raises:
        UserError: before anything is trained, where ddranking could not do its part.
    """
    require_peer(options.peer_python)
    if options.size.epochs % TEST_INTERVAL:
        raise UserError(
            f"--epochs {options.size.epochs}: ddranking tests after each {TEST_INTERVAL}th; give a multiple"
        )
    say(f"making the task: {asdict(options.size)}")
    task = make_task(options.cifar10, options.sets, options.size, work)
    config = work / "config.yaml"
    write_config(options.size, task.teachers, config)
    protocols = write_protocols(options.size, config, work / "protocols")
    sides = Sides(options.peer_python, task, config, protocols, work, options.cores)
    outcomes: dict[str, Outcome] = {}
    first, second = options.sets
    for name, method, mode in (
        ("held-out", first, "held-out"),
        ("held-out second", second, "held-out"),
        ("test-peek", first, "test-peek"),
        ("jpeg", first, "jpeg"),
    ):
        say(f"rd3, {mode}: {method}")
        outcomes[name] = sides.ours(method, mode)
    for name, method, repeats in (
        ("ddranking", first, options.size.repeats),
        ("ddranking second", second, options.second_repeats),
    ):
        say(f"ddranking: {method}, repeats: {repeats}")
        outcomes[name] = sides.peer(method, repeats=repeats)
    return result_of(task, options.sets, outcomes, cores=options.cores)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def work_folder(given: Path | None) -> AbstractContextManager[Path | str]:
    """A new folder: the one that was asked for, which stays, or a temporary one."""
    if given is None:
        return tempfile.TemporaryDirectory()
    if given.exists():
        raise UserError(f"--work {given}: exists already; give a new folder")
    given.mkdir(parents=True)
    return nullcontext(given)


def main(options: Options) -> int:
    prepare_process(torch.device("cpu"))
    try:
        with work_folder(options.work) as work:
            result = run(options, Path(work).resolve())
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.out / "result.md").write_text(text := markdown(result))
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Options, description=__doc__)))
