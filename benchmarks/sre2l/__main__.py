"""Recover images with SRe2L's released code for CIFAR and with rd3, and compare seconds an image.

    python -m benchmarks.sre2l --checkout SRe2L --target npz:cifar10.npz

See benchmarks/README.md.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import tyro
from benchmarks.core.clock import in_turn, typical_seconds
from benchmarks.core.facts import facts
from benchmarks.core.options import Common, filled, run_benchmark, work_folder
from benchmarks.core.processes import Done, run_module
from benchmarks.core.steps import Workload, divergence, flops_of, started_at_once
from benchmarks.core.write import write_results
from benchmarks.rded.sides import require_checkout
from benchmarks.sre2l.quality import quality
from benchmarks.sre2l.result import BF16, EVERY_CORE, ONE_THREAD, RD3, RELEASED, chart, markdown, result_of
from benchmarks.sre2l.task import MODEL, Task, make_task

import rd3
from rd3.training.graphs import own_stream

SCRIPT = Path("SRe2L") / "*small_dataset" / "recover_cifar.py"  # the star is in the folder's name
CPU: dict[str, Any] = {"iterations": 3, "repeats": 3, "per_class": 4, "teacher_epochs": 2}
GPU: dict[str, Any] = {"iterations": 1000, "repeats": 3, "per_class": 100, "teacher_epochs": 10}
IMAGES = 100
FRESH = 1000  # the first of the seeds that no other side has


@dataclass(kw_only=True)
class Options(Common):
    checkout: Path
    """a checkout of github.com/VILA-Lab/SRe2L"""
    target: str
    """32 px in colour, as rd3 names it: cifar100, cifar10, npz:PATH; ten classes are cut into a hundred"""
    iterations: int | None = None
    """1000 on a GPU, as published; 3 on a CPU"""
    batch_size: int = 100
    """images at a time"""
    repeats: int | None = None
    per_class: int | None = None
    """real images of each of a hundred classes for the teacher"""
    teacher_epochs: int | None = None


@dataclass(frozen=True)
class Sides:
    """Whoever recovers, each time in a process of its own."""

    folder: Path
    task: Task
    options: Options
    work: Path
    device: str

    def released(self, repeat: int, *, threads: int) -> dict[str, Any]:
        options = self.options
        given = {
            "arch-path": self.task.released_weights,
            "exp-name": "benchmark",
            "batch-size": options.batch_size,
            "iteration": options.iterations,
            "lr": 0.25,
            "r-bn": 0.01,
            "ipc-end": 1,
        }
        arguments = [part for name, value in given.items() for part in (f"--{name}", str(value))]
        job = {
            "checkout": str(self.folder),
            "arguments": [*arguments, "--store-best-images"],
            "threads": threads,
            "seed": repeat,
        }
        place = self.work / f"released-{threads}-{repeat}"
        return self.run_of(run_module("benchmarks.sre2l.peer", job, place, device=self.device), place)

    def ours(self, repeat: int, *, precision: str = "float32") -> dict[str, Any]:
        return self.run_of(*self.process(repeat, precision=precision))

    def process(self, repeat: int, *, precision: str = "float32") -> tuple[Done, Path]:
        """rd3, and where it leaves its images.

        Its float32 multiplies in float32; the released code on a GPU has torch's default for convolutions, TF32.
        """
        settings: dict[str, Any] = {"iterations": self.options.iterations, "batch_size": self.options.batch_size}
        settings["precision"] = precision
        published = {"lr": 0.25, "r_bn": 0.01, "crop": "none", "flip": False, "roll": 4}
        job = {
            "npz": str(self.task.npz),
            "weights": str(self.task.weights),
            "settings": settings | published,
            "ipc": 1,
            "seed": repeat,
            "home": str(self.work / "home"),
            "device": self.device,
        }
        place = self.work / f"rd3-{precision}-{repeat}"
        return run_module("benchmarks.sre2l.ours", job, place, device=self.device), place

    def every_core(self, repeat: int, *, cores: int) -> dict[str, Any]:
        """As many processes at a time as there are cores, each with images of its own; times are a process's share."""
        seeds = [FRESH + repeat * cores + core for core in range(cores)]
        with ThreadPoolExecutor(cores) as pool:
            done = list(pool.map(self.process, seeds))
        runs = [self.run_of(*one) for one in done]  # one after the other: all look at one teacher
        slowest = {part: max(run[part] for run in runs) / cores for part in ("each", "process")}
        return {**runs[0], **slowest}

    def run_of(self, done: Done, place: Path) -> dict[str, Any]:
        with np.load(place / "recovered.npz", allow_pickle=False) as file:
            images, labels = torch.from_numpy(file["images"]), torch.from_numpy(file["labels"])
        found = done.found
        each = found["recover"] / found["images"]
        return {**found, "each": each, "process": done.seconds, **quality(self.task.teacher, images, labels)}


def network_alone(options: Options, device: torch.device) -> dict[str, float]:
    """Forward and backward to the pixels, of a batch, in plain torch."""
    work = Workload(MODEL, 32, options.batch_size, classes=IMAGES)
    teacher = work.network(device).eval().requires_grad_(False)
    pixels = torch.randn(work.batch, 3, 32, 32, device=device).contiguous(memory_format=torch.channels_last)
    pixels.requires_grad_()
    soft = torch.full((work.batch, IMAGES), 1 / IMAGES, device=device)

    def look() -> None:
        divergence(teacher(pixels), soft).backward()  # type: ignore[no-untyped-call]

    with own_stream(device):
        seconds = typical_seconds(started_at_once(look, device), device, budget=2) / work.batch
    gflops = flops_of(look) / work.batch / 1e9
    return {
        "seconds_an_image": seconds * (options.iterations or 1),
        "gflops": gflops,
        "rate": gflops / seconds,
    }


def main(options: Options) -> str:
    options = filled(options, cpu=CPU, gpu=GPU)
    folder = require_checkout(options.checkout, str(SCRIPT)) / SCRIPT.parent
    device = options.torch_device()
    place = facts(device)
    with work_folder(options.work) as work:
        task = make_task(
            rd3.load_target(options.target),
            per_class=options.per_class or 1,
            epochs=options.teacher_epochs or 1,
            work=work,
            device=device,
        )
        sides = Sides(folder, task, options, work, device.type)
        several: dict[str, Callable[[int], dict[str, Any]]] = {
            RELEASED: lambda repeat: sides.released(repeat, threads=place["cores"]),
            RD3: sides.ours,
        }
        on_a_gpu: dict[str, Callable[[int], dict[str, Any]]] = {
            BF16: lambda repeat: sides.ours(repeat, precision="bf16"),
        }
        on_a_cpu: dict[str, Callable[[int], dict[str, Any]]] = {
            ONE_THREAD: lambda repeat: sides.released(repeat, threads=1),
            EVERY_CORE: lambda repeat: sides.every_core(repeat, cores=place["cores"]),
        }
        several |= on_a_gpu if device.type == "cuda" else on_a_cpu
        found = in_turn(several, options.repeats or 1)
    about = {"images": IMAGES, "split": task.split, "iterations": options.iterations, "batch_size": options.batch_size}
    network = network_alone(options, device)
    text = markdown(found, about, place, network)
    write_results(options.folder("sre2l"), result_of(found, about, place, network), text, {"ratios": chart(found)})
    return text


if __name__ == "__main__":
    sys.exit(run_benchmark(main, tyro.cli(Options, description=__doc__)))
