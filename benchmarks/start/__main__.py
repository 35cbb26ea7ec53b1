"""Time until rd3 is there: its import, `rd3 --help`, the first result.

    python -m benchmarks.start

See benchmarks/README.md.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import tyro
from benchmarks.core.charts import seconds_chart
from benchmarks.core.clock import in_turn
from benchmarks.core.compare import pm
from benchmarks.core.facts import described, facts
from benchmarks.core.options import Common, run_benchmark
from benchmarks.core.write import table, write_results
from benchmarks.start.timings import commands, process_seconds, slowest_imports

from rd3.scores.intervals import paired_difference, t_interval

SCHEMA = "rd3.benchmark.start/1"
TARGETS = {"import rd3": 1.0, "rd3 --help": 1.5}
BEYOND = {"import rd3": "import torch", "import rd3, every verb": "import torch"}
Times = Mapping[str, Sequence[float]]


@dataclass(kw_only=True)
class Options(Common):
    repeats: int = 7
    """processes of each kind, after one that isn't counted"""


def rows_of(found: Times) -> dict[str, Any]:
    """Seconds of every process, and of imports what they take beyond torch's, paired by repetition."""
    rows: dict[str, Any] = {}
    for name, seconds in found.items():
        row: dict[str, Any] = {"seconds": t_interval(seconds), "beyond": None, "target": TARGETS.get(name)}
        if name in BEYOND:
            row["beyond"] = paired_difference(seconds, found[BEYOND[name]], exact=False).interval
        rows[name] = row
    return rows


def markdown(rows: Mapping[str, Any], imports: Mapping[str, Mapping[str, float]], place: dict[str, Any]) -> str:
    """The tables."""
    body = [_row(name, row) for name, row in rows.items()]
    head = ("process", "s", "beyond torch, s", "target, s", "reached")
    heavy = [
        f"* `{statement}`: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in found.items())
        for statement, found in imports.items()
    ]
    return (
        f"# Start\n\nProcesses from start to end, files in the page cache; means with 95 % t-intervals over repetitions"
        f" in turn, differences paired.\n\n{described(place)}\n\n{table(head, body)}\n\n"
        "`import rd3` loads names when they are first used; *every verb* loads all of them. The first result is"
        " one student on random digits, IPC 1, under `rd3-demo-hard`, with an empty store.\n\nWhere imports spend their"
        " time (own code of a package's modules, with the profiler on):\n\n" + "\n".join(heavy) + "\n"
    )


def _row(name: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    judged = row["beyond"] or row["seconds"]
    target = row["target"]
    reached = "–" if target is None else "yes" if judged.mean < target else "no"
    beyond = "–" if row["beyond"] is None else pm(row["beyond"])
    return (name, pm(row["seconds"]), beyond, "–" if target is None else f"under {target:g}", reached)


def main(options: Options) -> str:
    device = options.torch_device()
    place = facts(device)
    sides = {name: partial(process_seconds, command, device.type) for name, command in commands(device.type).items()}
    found = in_turn({name: lambda _, side=side: side() for name, side in sides.items()}, options.repeats + 1)  # type: ignore[misc]
    times = {name: seconds[1:] for name, seconds in found.items()}
    rows = rows_of(times)
    statements = ("import torch, rd3; rd3.evaluate", "from rd3.cli import main; main(['--help'])")
    imports = {statement: slowest_imports(statement) for statement in statements}
    text = markdown(rows, imports, place)
    result = {
        "schema": SCHEMA,
        "facts": place,
        "seconds": {name: list(seconds) for name, seconds in times.items()},
        "rows": {
            name: {key: value.as_json() if hasattr(value, "as_json") else value for key, value in row.items()}
            for name, row in rows.items()
        },
        "imports": imports,
    }
    means = {name: row["seconds"].mean for name, row in rows.items()}
    torch_alone = means["import torch"]
    marks = {name: goal + (torch_alone if name in BEYOND else 0.0) for name, goal in TARGETS.items()}
    chart = seconds_chart(means, marks, title="from start to end")
    write_results(options.folder("start"), result, text, {"seconds": chart})
    return text


if __name__ == "__main__":
    sys.exit(run_benchmark(main, tyro.cli(Options, description=__doc__)))
