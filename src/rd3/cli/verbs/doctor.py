"""Say what this machine has and whether rd3 can work here.

Examples:
  rd3 doctor
  rd3 doctor --home /data/rd3
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from dataclasses import dataclass

from rd3.cli.options import Place

LIBRARIES = ("torch", "torchvision", "pydantic", "safetensors", "duckdb", "altair", "vl-convert-python", "timm")


@dataclass
class Options(Place):
    pass


def main(options: Options) -> int:
    from rd3 import __version__
    from rd3.data.load import load_target
    from rd3.study.executors.choose import default_workers
    from rd3.study.store import problem
    from rd3.training.device import environment, pick_device

    device = pick_device(options.device)
    store = options.store()
    store.root.mkdir(parents=True, exist_ok=True)
    entries = list(store.entries())
    damaged = [found for entry in entries if (found := problem(entry)) is not None]
    lines = {
        "rd3": __version__,
        **environment(device),
        "workers": f"{default_workers(device)} by default",
        "store": f"{store.root} ({len(entries)} entries, {len(damaged)} damaged)",
        "free disk": f"{shutil.disk_usage(store.root).free / 2**30:.1f} GiB",
        "RD3_DATA": os.environ.get("RD3_DATA", "not set: named targets such as cifar10 are looked up there"),
        "mnist5k": f"{len(load_target('mnist5k').train)} training images, ready",
        **{name: _version(name) for name in LIBRARIES},
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name:<18} {value}\n")
    for line in damaged:
        sys.stdout.write(f"damaged: {line}; it will be made again when it is needed\n")
    return 0


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
