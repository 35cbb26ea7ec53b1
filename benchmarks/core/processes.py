"""A side of a comparison as a process of its own: a job file in, a result file out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rd3.base.errors import UserError

ROOT = Path(__file__).parents[2]
NO_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")  # each side sets its own


@dataclass(frozen=True)
class Done:
    """A finished process.

    Attributes:
        seconds: from its start to its end, imports included.
        found: its result file.
    """

    seconds: float
    found: dict[str, Any]


def run_module(
    module: str,
    job: Mapping[str, Any],
    place: Path,
    *,
    python: Path | str = sys.executable,
    device: str = "cpu",
) -> Done:
    """Run `python -m module JOB.json` in the folder `place`; it leaves `result.json` there.

    Args:
        device: a side that is to stay on the CPU is shown no GPU.

    Raises:
        UserError: it failed; its last line and where the rest is.
    """
    place.mkdir(parents=True, exist_ok=True)
    file, log = place / "job.json", place / "log.txt"
    file.write_text(json.dumps(job, indent=1))
    begun = time.perf_counter()
    with log.open("w") as output:
        done = subprocess.run(
            [str(python), "-m", module, str(file)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=place,
            env=environment(device),
        )
    seconds = time.perf_counter() - begun
    if done.returncode:
        last = (log.read_text().strip() or "no output").splitlines()[-1]
        raise UserError(f"{module} failed: {last} (all of it in {log}, which --work FOLDER keeps)")
    return Done(seconds, json.loads((place / "result.json").read_text()))


def environment(device: str) -> dict[str, str]:
    """This process's, with the repository to be imported from."""
    kept = {name: value for name, value in os.environ.items() if name not in NO_THREADS}
    paths = [str(ROOT), str(ROOT / "src"), *kept.get("PYTHONPATH", "").split(os.pathsep)]
    kept["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    return kept if device.startswith("cuda") else kept | {"CUDA_VISIBLE_DEVICES": ""}
