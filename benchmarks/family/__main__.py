"""Collect what the studies of the decoupled family on CIFAR-10 left: rankings, orders, environment, contact sheets.

    rd3 study run decoupled-cifar10-cpu            # then -ipc50 and -own, all with one $RD3_HOME
    python -m benchmarks.family --home $RD3_HOME --commit COMMIT --out benchmarks/results/decoupled-cifar10-cpu

Studies that are not there yet are left out. See benchmarks/README.md.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from benchmarks.core.facts import processor
from benchmarks.family.result import markdown
from rich.console import Console

from rd3.base.errors import UserError
from rd3.base.files import read_json, write_atomic
from rd3.report.grid import contact_sheet
from rd3.report.ranking import Row, read_ranking
from rd3.report.terminal import print_ranking
from rd3.study.ranking import groups
from rd3.study.records import Record, read_records
from rd3.study.verdict import sentence
from rd3.synthetic import Synthetic

STUDIES = ("decoupled-cifar10-cpu", "decoupled-cifar10-cpu-ipc50", "decoupled-cifar10-cpu-own")
WIDTH = 130
SHEET_IPC = 10


@dataclass(kw_only=True)
class Options:
    home: Path
    """folder in which the studies left their folders"""
    out: Path
    """folder to write"""
    commit: str = "not said"
    """the commit that the studies were run at"""


def main(options: Options) -> None:
    """Write everything.

    Raises:
        UserError: none of the studies is there.
    """
    folders = [options.home / name for name in STUDIES if (options.home / name / "ranking.json").is_file()]
    if not folders:
        raise UserError(f"{options.home}: none of {', '.join(STUDIES)} is there; run one first")
    rankings = {folder.name: read_ranking(folder / "ranking.json") for folder in folders}
    for folder in folders:
        write_atomic(options.out / f"{folder.name}.txt", ranking_text(folder, rankings[folder.name]))
        write_atomic(options.out / f"{folder.name}.json", (folder / "ranking.json").read_text())
    records = [record for folder in folders for record in read_records([folder / "records"])]
    facts = environment(records, options.commit)
    write_atomic(options.out / "environment.json", json.dumps(facts, indent=1) + "\n")
    sheets = write_sheets(folders[0] / "synthetic", options.out / "sheets")
    write_atomic(options.out / "README.md", markdown(rankings, facts, sheets))


def ranking_text(folder: Path, rows: Sequence[Row]) -> str:
    """What `rd3 study run` prints at its end."""
    text = io.StringIO()
    table: list[dict[str, Any]] = read_json(folder / "ranking.json")["rows"]
    print_ranking(Console(file=text, width=WIDTH), rows, [sentence(group) for group in groups(table)])
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def environment(records: Sequence[Record], commit: str) -> dict[str, Any]:
    """Machine and versions, and what all of it cost."""
    synthesised = {record.images: record.seconds.synthesise or 0.0 for record in records}
    return {
        "processor": processor(),
        "commit": commit,
        "rd3": sorted({record.rd3_version for record in records}),
        **records[0].environment,
        "teachers": sorted({round(accuracy, 4) for record in records for accuracy in record.teachers.values()}),
        "runs": len(records),
        "minutes_of_training": round(sum(record.seconds.train + record.seconds.report for record in records) / 60, 1),
        "minutes_of_synthesis": round(sum(synthesised.values()) / 60, 1),
    }


def write_sheets(synthetics: Path, out: Path) -> list[str]:
    """Contact sheets of sets that were optimised from noise: nothing of a real image is in them."""
    names = []
    for place in sorted(synthetics.glob(f"*-ipc{SHEET_IPC}-*")):
        synthetic = Synthetic.load(place)
        settings = synthetic.manifest.settings
        if settings.get("init") == "noise" and settings.get("iterations"):
            name = synthetic.manifest.method.partition("[")[0]
            write_atomic(out / f"{name}.png", contact_sheet(synthetic.images, synthetic.labels, per_class=2).png)
            names.append(name)
    return names


if __name__ == "__main__":
    try:
        main(tyro.cli(Options, description=__doc__))
    except UserError as error:
        sys.exit(f"benchmarks.family: {error}")
