"""Distil a target with a method into a synthetic set.

A teacher is squeezed first where the method needs one. Settings are the paper's; change them with -p.

Examples:
  rd3 distill random mnist5k --ipc 10
  rd3 distill sre2l mnist5k --ipc 10 --teacher-model convnet3-bn-w32 -p iterations=500 -p init=real
  rd3 distill rded cifar10 --ipc 50 --out rded50
  rd3 distill my_method:MyMethod folder:photos@64 --ipc 10 -p iterations=100
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from rd3.cli.options import Place, Settings, TeacherChoice, get_teachers, read_settings


@dataclass(kw_only=True)
class Options(TeacherChoice, Place):
    method: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="METHOD")]
    """name of a method (rd3 list methods), or MODULE:CLASS or FILE.py:CLASS of one of your own"""
    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """a target, for instance mnist5k or folder:PATH@SIZE"""
    ipc: int
    """images per class"""
    draw: int = 0
    """which independent synthesis"""
    p: Settings = ()
    """a setting of the method in place of the paper's"""
    out: Path | None = None
    """folder to write; HOME/synthetic/METHOD-TARGET-ipcN by default"""


def main(options: Options) -> int:
    import rd3
    from rd3.cli.live import live
    from rd3.data.load import load_target
    from rd3.methods.base import METHODS, require_enough
    from rd3.report.format import seconds, size
    from rd3.study.jobs.synthetic import synthetic_spec

    chosen = METHODS[options.method]
    target = load_target(options.target)
    settings = read_settings(options.p)
    require_enough(target, options.ipc)
    synthetic_spec(options.method, target, ipc=options.ipc, teacher=None, changes=settings)  # fails before a squeeze
    most = None if chosen.wants_pool else 1
    teachers = get_teachers(options, target, options, most=most) if chosen.needs_teacher else None
    with live() as listener:
        synthetic = rd3.distill(
            options.method,
            target,
            teachers,
            ipc=options.ipc,
            seed=options.draw,
            store=options.store(),
            device=options.device,
            listener=listener,
            **settings,
        )
    name = f"{_plain(options.method)}-{_plain(target.name)}-ipc{options.ipc}"
    folder = options.out or options.store().home / "synthetic" / f"{name}-{synthetic.manifest.fingerprint[:6]}"
    synthetic.save(folder)
    manifest = synthetic.manifest
    took = f"{seconds(manifest.seconds.synthesise)} to synthesise"
    memory = f"{size(manifest.memory.grown)} of memory (stated: at most {size(manifest.memory.stated)})"
    sys.stdout.write(f"{folder}: {len(synthetic)} images, {took}, {memory}\n")
    return 0


def _plain(name: str) -> str:
    """A name that may hold a path, as part of the name of a folder."""
    return "".join("-" if letter in ":/?&" else letter for letter in name)
