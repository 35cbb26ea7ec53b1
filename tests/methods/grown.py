"""Prints what methods state, and by how much a process grows that runs one of them: `python grown.py METHOD...`."""

from __future__ import annotations

import dataclasses
import json
import os
import sys

import torch
import torch.nn.functional as F
from tests.methods.quick import quick_method

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.methods.base import Task
from rd3.recover.looking import stand_in
from rd3.study.meter import Meter
from rd3.training.device import prepare_process

CPU = torch.device("cpu")
MODELS = ("convnet1-bn-w64", "convnet1-bn-w48")  # large maps and little to compute
CHANGES = {
    "iterations": 2,
    "epochs": 1,
    "matches": 1,
    "rounds": 1,
    "network": "convnet1-w64",
    "perturb_steps": 3,
    "batch_size": 10,
    "zca": False,  # a fit at 80 px takes minutes
}


def digits(side: int, each: int) -> Target:
    """So many real digits of every class, resized to a side."""
    whole = load_target("mnist5k")
    rows = torch.cat([(whole.train.labels == label).nonzero()[:each, 0] for label in range(10)])
    pixels = F.interpolate(whole.train.batch(rows), (side, side), mode="bilinear")
    return dataclasses.replace(whole, train=MemoryImages(pixels, whole.train.labels[rows]))


def run(name: str, target: Target) -> int:
    """Bytes that the process grows by."""
    teachers = tuple(stand_in(model, target) for model in MODELS)
    method = quick_method(name, target, 1, **CHANGES)
    meter = Meter(CPU)
    method.distill(Task(target, teachers[0], 1, 0, teachers=teachers))
    return meter.bytes


def row(name: str, small: Target, large: Target) -> dict[str, object]:
    run(name, small)  # once small, so that libraries have set up what they need
    grown = run(name, large)
    stated = quick_method(name, large, 1, **CHANGES).memory(large, 1, MODELS, CPU)
    return {"method": name, "stated": stated, "grown": grown}


def main(names: list[str]) -> None:
    prepare_process(CPU)
    small, large = digits(16, 12), digits(64, 12)
    run("sre2l", small)  # here, so that not every child imports what torch only imports when it is used
    for name in names:
        child = os.fork()
        if child == 0:
            sys.stdout.write(json.dumps(row(name, small, large)) + "\n")
            sys.stdout.flush()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(f"{name}: failed")


if __name__ == "__main__":  # doctests are looked for here too
    main(sys.argv[1:])
