"""Score one small task with the released ddranking 0.2.0 and with rd3, and hold the two against each other.

    python -m benchmarks.ddranking --peer-python ENV/bin/python --cifar10 PATH --out FOLDER

See benchmarks/README.md.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import tyro
from benchmarks.core.clock import say
from benchmarks.core.facts import facts
from benchmarks.core.options import work_folder
from benchmarks.core.write import write_results
from benchmarks.ddranking import rounds
from benchmarks.ddranking.protocols import TEST_INTERVAL, write_config, write_protocols
from benchmarks.ddranking.report import markdown
from benchmarks.ddranking.results import result_of
from benchmarks.ddranking.rounds import Cost
from benchmarks.ddranking.sides import Outcome, Sides, require_peer
from benchmarks.ddranking.task import Size, make_task

from rd3.base.errors import UserError
from rd3.training.device import pick_device, prepare_process


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
    cost_rounds: int = 0
    """in place of all that: so many rounds of both sides on both sets, for ratios of their times with intervals"""
    device: str = "cpu"
    """cpu, cuda, or auto: the GPU where there is one"""
    cores: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """threads of ddranking, processes of rd3; on a GPU processes share it"""
    size: tyro.conf.OmitArgPrefixes[Size] = field(default_factory=Size)
    work: Path | None = None
    """new folder for everything that is made; a temporary one by default"""


def run(options: Options, work: Path) -> dict[str, Any]:
    """Everything, one after the other.

    Raises:
        UserError: before anything is trained, where ddranking could not do its part.
    """
    sides = sides_on_a_task(options, options.size, work)
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
    return result_of(sides.task, options.sets, outcomes, cores=options.cores, device=sides.device)


def sides_on_a_task(options: Options, size: Size, work: Path) -> Sides:
    """Both sides, and everything that they are given.

    Raises:
        UserError: before anything is trained, where ddranking could not do its part.
    """
    require_peer(options.peer_python)
    if size.epochs % TEST_INTERVAL:
        raise UserError(f"--epochs {size.epochs}: ddranking tests after each {TEST_INTERVAL}th; give a multiple")
    say(f"making the task: {asdict(size)}")
    device = pick_device(options.device)
    task = make_task(options.cifar10, options.sets, size, work, device)
    config = work / "config.yaml"
    write_config(size, task.teachers, config, device=device.type)
    protocols = write_protocols(size, config, work / "protocols")
    return Sides(options.peer_python, task, config, protocols, work, options.cores, device.type)


def cost(options: Options, work: Path) -> str:
    """Times of both sides, in turn; written at once."""
    place = facts(pick_device(options.device))
    size = replace(options.size, repeats=1)
    found = Cost(sides_on_a_task(options, size, work), options.sets).rounds(options.cost_rounds)
    text = rounds.markdown(found, place, asdict(size))
    result = rounds.result_of(found, place, asdict(size))
    write_results(options.out, result, text, {"ratios": rounds.chart(found)})
    return text


def main(options: Options) -> int:
    try:
        prepare_process(pick_device(options.device))
        with work_folder(options.work) as work:
            if options.cost_rounds:
                print(cost(options, work))
                return 0
            result = run(options, work)
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
