"""Run every stage on 5,000 real digits and rank five methods, in minutes.

It is the shipped study `demo`: results go to runs/demo. Repeating it resumes it.

Examples:
  rd3 demo
  rd3 demo --plan
  rd3 demo --workers 4
"""

from __future__ import annotations

from dataclasses import dataclass

from rd3.cli.options import Flag, StudentPlace


@dataclass
class Options(StudentPlace):
    plan: Flag = False
    """only print what would be done, and how long it would take"""


def main(options: Options) -> int:
    from rd3.cli.study_run import run
    from rd3.study.spec import load_study

    return run(load_study("demo"), options, plan_only=options.plan, command="rd3 demo")
