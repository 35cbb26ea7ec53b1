"""Seconds from the start of a process to its end, and what an import takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.core.processes import environment

from rd3.base.errors import UserError

FIRST_RESULT = """
import rd3
target = rd3.load_target("digits")
images = rd3.distill("random", target, ipc=1, device="{device}")
print(rd3.evaluate(images, target, protocol="rd3-demo-hard", student="convnet3-bn-w32", seeds=1, device="{device}"))
"""
LINE = re.compile(r"import time:\s+(?P<own>\d+) \|\s+(?P<all>\d+) \| (?P<indent>\s*)(?P<name>\S+)")


def commands(device: str) -> dict[str, list[str]]:
    """What is started, by name."""
    python = sys.executable
    return {
        "nothing": [python, "-c", "pass"],
        "import torch": [python, "-c", "import torch"],
        "import rd3": [python, "-c", "import torch, rd3"],
        "import rd3, every verb": [python, "-c", "import torch, rd3; [getattr(rd3, name) for name in rd3.__all__]"],
        "rd3 --help": [python, "-c", "from rd3.cli import main; import sys; sys.exit(main(['--help']))"],
        "first result": [python, "-c", FIRST_RESULT.format(device=device)],
    }


def process_seconds(command: list[str], device: str) -> float:
    """From its start to its end, with a store of its own.

    Raises:
        UserError: it failed; its last line.
    """
    with TemporaryDirectory() as home:
        place = environment(device) | {"RD3_HOME": home}
        begun = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, env=place)
        seconds = time.perf_counter() - begun
    if done.returncode:
        last = ((done.stderr or done.stdout).strip() or "no output").splitlines()[-1]
        raise UserError(f"{command[-1].strip().splitlines()[-1]} failed: {last}")
    return seconds


def slowest_imports(statement: str, *, count: int = 8) -> dict[str, float]:
    """The modules whose own code takes the most seconds in `statement`, torch's together, in one process."""
    command = [sys.executable, "-X", "importtime", "-c", statement]
    done = subprocess.run(command, capture_output=True, text=True, env=environment("cpu"), cwd=Path(os.sep))
    return heaviest(done.stderr, count=count)


def heaviest(report: str, *, count: int) -> dict[str, float]:
    """Packages by the seconds of their own modules, in the report of `-X importtime`.

    >>> heaviest("import time: 1500 | 9000 | a.b\\nimport time: 500 | 500 |   a\\nimport time: 900 | 900 | c", count=1)
    {'a': 0.002}
    """
    totals: dict[str, float] = {}
    for line in report.splitlines():
        match = LINE.match(line)
        if match:
            package = match["name"].partition(".")[0]
            totals[package] = totals.get(package, 0.0) + int(match["own"]) / 1e6
    return dict(sorted(totals.items(), key=lambda item: -item[1])[:count])
