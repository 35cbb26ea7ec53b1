"""How time and memory grow with images per class, classes, resolution and seeds in flight.

    python -m benchmarks.growth

See benchmarks/README.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tyro
from benchmarks.core.clock import in_turn
from benchmarks.core.facts import facts
from benchmarks.core.options import Common, filled, run_benchmark, work_folder
from benchmarks.core.processes import run_module
from benchmarks.core.write import write_results
from benchmarks.growth.curves import BASE, Curve
from benchmarks.growth.result import charts, markdown, result_of

CPU: dict[str, Any] = {"model": "convnet3-bn-w32", "repeats": 2, "epochs": 1}
GPU: dict[str, Any] = {"model": "resnet18", "repeats": 3, "epochs": 3}


@dataclass(kw_only=True)
class Options(Common):
    model: str | None = None
    """student and teacher: convnet3-bn-w32 on a CPU, resnet18 on a GPU"""
    repeats: int | None = None
    """processes for each point"""
    epochs: int | None = None
    """that are timed in each, after one that isn't counted"""
    ipc: tuple[int, ...] = (1, 2, 5, 10, 20, 50, 100, 200)
    classes: tuple[int, ...] = (10, 20, 50, 100, 200, 500, 1000)
    size: tuple[int, ...] = (32, 64, 96, 128, 160, 224)
    seeds: tuple[int, ...] = (1, 2, 4, 8, 16)
    axes: tuple[Literal["ipc", "classes", "size", "seeds"], ...] = ("ipc", "classes", "size", "seeds")
    """which of them"""


def curve(options: Options, axis: str, work: Path, device: str) -> Curve:
    """Measure the points of an axis, in turn."""
    sizes: tuple[int, ...] = getattr(options, axis)

    def measure(size: int, repeat: int) -> dict[str, Any]:
        job = {**BASE, axis: size, "device": device, "model": options.model, "epochs": options.epochs, "repeats": 1}
        place = work / f"{axis}-{size}-{repeat}"
        return run_module("benchmarks.growth.one", job, place, device=device).found

    def side(size: int) -> Any:
        return lambda repeat: measure(size, repeat)

    found = in_turn({f"{axis} {size}": side(size) for size in sizes}, options.repeats or 1)
    costs = [tuple(tuple(run[cost] for run in runs) for runs in found.values()) for cost in ("seconds", "memory")]
    return Curve(axis, sizes, *costs)


def main(options: Options) -> str:
    options = filled(options, cpu=CPU, gpu=GPU)
    device = options.torch_device()
    place = facts(device)
    with work_folder(options.work) as work:
        curves = [curve(options, axis, work, device.type) for axis in options.axes]
    made = {"epochs": options.epochs, "repeats": options.repeats}
    text = markdown(curves, str(options.model), place, made)
    result = result_of(curves, str(options.model), place) | {"made": made}
    write_results(options.folder("growth"), result, text, charts(curves))
    return text


if __name__ == "__main__":
    sys.exit(run_benchmark(main, tyro.cli(Options, description=__doc__)))
