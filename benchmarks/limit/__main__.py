"""Hold training steps against what the device can do: images/s, FLOP/s, shares of a step, a roofline.

    python -m benchmarks.limit

See benchmarks/README.md.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal

import torch
import tyro
from benchmarks.core.clock import say
from benchmarks.core.facts import facts
from benchmarks.core.options import Common, filled, run_benchmark
from benchmarks.core.steps import Workload
from benchmarks.core.write import write_results
from benchmarks.limit.rates import PRECISIONS, copy_rate, multiplication_rate, threads
from benchmarks.limit.result import charts, markdown, result_of
from benchmarks.limit.shares import measured

from rd3.base.errors import UserError
from rd3.training.execution import Execution, Precision

WORKLOADS = (Workload("convnet3-bn", 32, 50), Workload("resnet18", 32, 50), Workload("resnet18", 224, 50))
IPC = {"cpu": (10, 2, 1), "cuda": (200, 200, 50)}
CPU: dict[str, Any] = {"epochs": 3, "repeats": 3, "precision": "float32"}
GPU: dict[str, Any] = {"epochs": 5, "repeats": 5, "precision": "bfloat16"}


@dataclass(kw_only=True)
class Options(Common):
    epochs: int | None = None
    """of each measurement, at least 2; the first is not counted"""
    repeats: int | None = None
    ipc: tuple[int, ...] | None = None
    """images a class of the sets, one for each chosen workload: how many steps an epoch has, and below 5 the batch"""
    precision: Precision | None = None
    """of the networks, and of the multiplication that their FLOP/s are held against: float32 on a CPU, bfloat16 on a
    GPU"""
    workloads: tuple[Literal[0, 1, 2], ...] = (0, 1, 2)
    """which of ConvNet-3 at 32 px, ResNet-18 at 32 px and ResNet-18 at 224 px"""


def rates_of(device: torch.device, cores: int) -> dict[str, float]:
    """FLOP/s of products by precision, and bytes/s of a copy."""
    found = {name: multiplication_rate(device, name) for name in PRECISIONS[device.type]}
    if device.type == "cpu" and cores > 1:
        with threads(cores):
            found[f"float32, {cores} threads"] = multiplication_rate(device)
    return found | {"copy": copy_rate(device)}


def main(options: Options) -> str:
    options = filled(options, cpu=CPU, gpu=GPU)
    device = options.torch_device()
    ipc = options.ipc or tuple(IPC[device.type][k] for k in options.workloads)
    if len(ipc) != len(options.workloads):
        raise UserError(f"--ipc has {len(ipc)} values for {len(options.workloads)} workloads; give one for each")
    if options.epochs == 1:
        raise UserError("--epochs 1: the first is not counted; give at least 2")
    chosen = [(WORKLOADS[k], images) for k, images in zip(options.workloads, ipc, strict=True)]
    place = facts(device)
    say("what the device can do")
    rates = rates_of(device, place["cores"])
    epochs, repeats = options.epochs or 2, options.repeats or 1
    precision = options.precision or "float32"
    execution = Execution(precision, graphs=device.type == "cuda")
    found = [
        measured(work, device, execution=execution, epochs=epochs, repeats=repeats, ipc=images)
        for work, images in chosen
    ]
    made = {"epochs": epochs, "repeats": repeats, "ipc": ipc}
    text = markdown(found, rates, place, precision, made)
    result = result_of(found, rates, place, precision) | {"made": made}
    write_results(options.folder("limit"), result, text, charts(found, rates, precision))
    return text


if __name__ == "__main__":
    sys.exit(run_benchmark(main, tyro.cli(Options, description=__doc__)))
