"""Train one student under RDED's protocol with its released validation code and with rd3, and compare the times.

    python -m benchmarks.rded --checkout RDED --target npz:cifar10.npz

See benchmarks/README.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from benchmarks.core.clock import in_turn, say
from benchmarks.core.compare import Runs
from benchmarks.core.facts import facts
from benchmarks.core.options import Common, filled, run_benchmark, work_folder
from benchmarks.core.steps import Workload, bare_step
from benchmarks.core.write import write_results
from benchmarks.rded.result import chart, markdown, result_of, run_of
from benchmarks.rded.sides import RD3, Sides, require_checkout
from benchmarks.rded.task import Size, make_task

import rd3
from rd3.training.execution import execution_on

FILES = ("main.py", "argument.py", "validation/main.py", "synthesize/utils.py")
CPU: dict[str, Any] = {
    **{"student": "convnet3-bn-w32", "ipc": (10, 50), "epochs": 30, "repeats": 3},
    **{"train_per_class": 100, "test_per_class": 100, "teacher_epochs": 5},
}
GPU: dict[str, Any] = {
    **{"student": "resnet18", "ipc": (10, 50), "epochs": 300, "repeats": 3},
    **{"train_per_class": 300, "test_per_class": 50, "teacher_epochs": 20},
}


@dataclass(kw_only=True)
class Options(Common):
    checkout: Path
    """a checkout of github.com/LINs-lab/RDED"""
    target: str
    """ten classes in colour at 32 or 224 px, as rd3 names it: cifar10, npz:PATH, imagenette, npz:PATH@224"""
    ipc: tuple[int, ...] | None = None
    """images a class; 10 and 50 by default"""
    student: str | None = None
    """teacher and student: resnet18, the default on a GPU, or convnetD-bn[-wWIDTH]"""
    epochs: int | None = None
    """of the student: 300 on a GPU, 30 on a CPU"""
    repeats: int | None = None
    train_per_class: int | None = None
    test_per_class: int | None = None
    teacher_epochs: int | None = None
    own: bool = True
    """measure rd3's `rded`, without the second pass, besides `rded-code`, which is the same work"""
    cores: int = 0
    """threads of the released code; all by default"""


def main(options: Options) -> str:
    options = filled(options, cpu=CPU, gpu=GPU)
    checkout = require_checkout(options.checkout, *FILES)
    device = options.torch_device()
    place = facts(device)
    size = Size(options.train_per_class, options.test_per_class, options.teacher_epochs, options.epochs)  # type: ignore[arg-type]
    with work_folder(options.work) as work:
        say("making the task")
        target = rd3.load_target(options.target)
        task = make_task(target, str(options.student), options.ipc or (), size, work, device)
        sides = Sides(checkout, task, work, device.type, options.cores or place["cores"], own=options.own)
        found: dict[int, dict[str, Runs]] = {}
        for ipc in task.images:
            say(f"IPC {ipc}")
            done = in_turn(sides.all(ipc), options.repeats or 1)
            found[ipc] = {name: [run_of(one) for one in runs] for name, runs in done.items()}
    bare = {}
    for ipc, runs in found.items():
        batch = min(int(runs[RD3][0]["batch_size"]), 10 * ipc)
        bare[ipc] = bare_step(Workload(task.student, target.size, batch), device, execution=execution_on(device))
    text = markdown(task, found, bare, place, device.type)
    result = result_of(task, found, bare, place, device.type)
    folder = options.folder(f"rded-{task.names.subset}-{task.student}")
    write_results(folder, result, text, {"ratios": chart(task, found, device.type)})
    return text


if __name__ == "__main__":
    sys.exit(run_benchmark(main, tyro.cli(Options, description=__doc__)))
