"""Write the one-file HTML report of a study's folder.

Examples:
  rd3 report runs/demo
  rd3 report runs/demo --out demo.html
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro


@dataclass
class Options:
    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="FOLDER")]
    """folder of a study, with ranking.json and records"""
    out: Path | None = None
    """file to write; FOLDER/report.html by default"""


def main(options: Options) -> int:
    from rd3.report.page import write_page
    from rd3.report.study import report_data

    page = options.out or options.folder / "report.html"
    write_page(report_data(options.folder), page)
    sys.stdout.write(f"{page}\n")
    return 0
