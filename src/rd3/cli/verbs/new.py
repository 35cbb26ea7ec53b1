"""Write a method of your own to start from: a file that runs as it is, and its test.

Examples:
  rd3 new method class_means
  rd3 new method class_means --out my_methods
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro


@dataclass(kw_only=True)
class Options:
    what: tyro.conf.Positional[Literal["method"]]
    """what to write"""
    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """name of the file without .py; the class is named after it"""
    out: Path = Path()
    """folder to write into; the current one by default"""


def main(options: Options) -> int:
    from rd3.cli.new_method import write_method

    return write_method(options.name, options.out)
