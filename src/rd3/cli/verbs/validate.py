"""Check a file or folder: a synthetic set, a study file or folder, a protocol file, records, or a store.

Examples:
  rd3 validate runs/demo
  rd3 validate my_images/ --target cifar10
  rd3 validate my_protocol.yaml
  rd3 validate runs/store
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from rd3.cli.reading import Reading, reading_arguments


@dataclass(kw_only=True)
class Options(Reading):
    path: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="PATH")]
    """what to check"""
    target: str | None = None
    """for a synthetic: the target it must fit"""


def main(options: Options) -> int:
    from rd3.study.validate import validate

    for line in validate(options.path, target=options.target, **reading_arguments(options)):
        sys.stdout.write(f"{line}\n")
    return 0
