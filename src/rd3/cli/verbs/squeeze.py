"""Train a teacher on a target (the squeeze stage), or find it in the store.

Examples:
  rd3 squeeze mnist5k --teacher-model convnet3-bn-w32
  rd3 squeeze cifar10 --teacher-model resnet18 --device cuda
  rd3 squeeze cifar10 --teacher-model resnet18 --probe moco.pt
  rd3 squeeze folder:photos@64 --teacher-model convnet4-bn --teacher-epochs 20
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import tyro

from rd3.cli.options import Flag, Place, TeacherChoice, get_teachers


@dataclass(kw_only=True)
class Options(TeacherChoice, Place):
    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """a target, for instance mnist5k, cifar10, folder:PATH@SIZE or npz:PATH"""
    download: Flag = False
    """download a named target into $RD3_DATA first, where its source allows"""


def main(options: Options) -> int:
    from rd3.data.load import load_target

    target = load_target(options.target, download=options.download)
    for teacher in get_teachers(options, target, options):
        sys.stdout.write(
            f"teacher {teacher.fingerprint}: {teacher.name} on {target.name},"
            f" {teacher.test_accuracy:.1%} on the test split, {teacher.seconds:.0f} s\n"
        )
    return 0
