"""Run a grid of targets, methods, IPC, protocols, students and seeds from a file.

A study plans before it works, shares references among methods, and resumes when it is repeated. `rd3 list studies`
names the shipped ones.

Examples:
  rd3 study run my_study.yaml --plan
  rd3 study run my_study.yaml --workers 8
  rd3 study run demo --out results/demo
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from rd3.cli.options import Flag, StudentPlace


@dataclass(kw_only=True)
class Options(StudentPlace):
    action: tyro.conf.Positional[Literal["run"]]
    """what to do"""
    file: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="FILE")]
    """a study file (.yaml), or the name of a shipped study"""
    plan: Flag = False
    """only print what would be done, and how long it would take"""
    out: Path | None = None
    """folder of results; HOME/NAME by default"""


def main(options: Options) -> int:
    from rd3.cli.study_run import run
    from rd3.study.spec import load_study

    command = f"rd3 study run {options.file}"
    return run(load_study(options.file), options, plan_only=options.plan, command=command, folder=options.out)
