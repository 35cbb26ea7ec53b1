"""Run all benchmarks that their peers are given for, one after the other, with the sizes of the device.

    python -m benchmarks all --device cuda --rded RDED --sre2l SRe2L --cifar10 npz:cifar10.npz --imagenette imagenette

Each is a process of its own; one that fails is said, and the others go on. See benchmarks/README.md.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from benchmarks.core.options import RESULTS
from benchmarks.core.processes import ROOT, environment

from rd3.base.errors import UserError
from rd3.training.device import pick_device


@dataclass(kw_only=True)
class Options:
    what: tyro.conf.Positional[Literal["all"]]
    device: str = "auto"
    out: Path = RESULTS
    """parent of the results' folders"""
    rded: Path | None = None
    """a checkout of github.com/LINs-lab/RDED"""
    sre2l: Path | None = None
    """a checkout of github.com/VILA-Lab/SRe2L"""
    cifar10: str | None = None
    """CIFAR-10 as a target of rd3: cifar10, or npz:PATH, which ddranking's benchmark needs"""
    cifar100: str | None = None
    """CIFAR-100, for SRe2L; without it CIFAR-10's classes are cut into a hundred"""
    imagenette: str | None = None
    """ImageNette at 224 px; without it CIFAR-10 is enlarged, which costs the same"""
    ddranking_python: Path | None = None
    """python of an environment that has ddranking 0.2.0"""
    repeats: int | None = None
    """of every benchmark, in place of its own number"""


def require_places(options: Options) -> None:
    """Refuse before hours of work what would fail after them.

    Raises:
        UserError: a folder or a file is not there.
    """
    for name, value in vars(options).items():
        given = value.removeprefix("npz:").partition("@")[0] if isinstance(value, str) else value
        is_place = isinstance(value, Path) or str(value).startswith("npz:")
        if name != "out" and is_place and not Path(given).expanduser().exists():
            raise UserError(f"--{name.replace('_', '-')} {value}: is not there")


def left_out(plan: Iterable[str]) -> list[str]:
    """What is not measured, and what it would need."""
    needs = {
        "rded": "--rded and --cifar10",
        "sre2l": "--sre2l, and --cifar10 or --cifar100",
        "ddranking": "--ddranking-python and --cifar10 npz:PATH",
    }
    return [f"{name}: left out, needs {need}" for name, need in needs.items() if not any(name in one for one in plan)]


def planned(options: Options, device: str) -> dict[str, list[str]]:
    """Command lines by name."""
    several = [] if options.repeats is None else ["--repeats", str(options.repeats)]
    plain = {name: [name, "--device", device, *several] for name in ("start", "limit", "growth")}
    return {**plain, **_peers(options, device, several)}


def _peers(options: Options, device: str, several: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    cifar10 = options.cifar10
    if options.rded and cifar10:
        rded = ["rded", "--device", device, "--checkout", str(options.rded), *several]
        found["rded-cifar10"] = [*rded, "--target", cifar10]
        if device == "cuda":
            small = ["--student", "convnet3-bn-w32"]
            found["rded-cifar10-convnet"] = [*rded, "--target", cifar10, *small]
            found["rded-224"] = [*rded, "--target", options.imagenette or f"{cifar10}@224", "--ipc", "10"]
    if options.sre2l and (options.cifar100 or cifar10):
        sre2l = ["sre2l", "--device", device, "--checkout", str(options.sre2l), *several]
        found["sre2l"] = [*sre2l, "--target", str(options.cifar100 or cifar10)]
    if options.ddranking_python and cifar10 and cifar10.startswith("npz:"):
        rounds = ["--cost-rounds", str(options.repeats or 3)]
        given = ["--peer-python", str(options.ddranking_python), "--cifar10", cifar10.removeprefix("npz:")]
        found["ddranking-cost"] = ["ddranking", "--device", device, *given, *rounds]
    return found


def main(options: Options) -> int:
    """Run them; the exit code is that of the worst."""
    device = pick_device(options.device).type
    require_places(options)
    plan, worst = planned(options, device), 0
    for line in left_out(plan):
        print(line, file=sys.stderr)
    for name, (module, *arguments) in plan.items():
        folder = (options.out / f"{name}-{device}").resolve()
        print(f"== {name}", file=sys.stderr, flush=True)
        begun = time.perf_counter()
        command = [sys.executable, "-m", f"benchmarks.{module}", *arguments, "--out", str(folder)]
        done = subprocess.run(command, cwd=ROOT, env=environment(device), stdout=subprocess.DEVNULL)
        minutes = (time.perf_counter() - begun) / 60
        print(f"{name}: {'failed' if done.returncode else folder}, {minutes:.1f} min")
        worst = max(worst, abs(done.returncode))
    return worst


if __name__ == "__main__":
    try:
        sys.exit(main(tyro.cli(Options, description=__doc__)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
