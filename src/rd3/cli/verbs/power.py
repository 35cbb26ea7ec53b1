"""How many seeds a difference takes, or what difference a number of seeds can show.

By a two-sided paired t-test. Differences and deviations are in points of accuracy (percent). The deviation is that of
the paired differences of two methods, seed by seed; from records, that of each method's difference to random images.

Examples:
  rd3 power --difference 1.0 --deviation 0.8
  rd3 power --seeds 5 --deviation 0.8
  rd3 power runs/demo --difference 1.0
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro


@dataclass
class Options:
    records: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="RECORDS")] = ()
    """record files, folders of them, or folders of studies to take deviations from"""
    difference: float | None = None
    """true difference to be found, in points"""
    seeds: int | None = None
    """seeds, in place of a difference: what can they show?"""
    deviation: float | None = None
    """standard deviation of the paired differences, in points; in place of records"""
    comparisons: int | None = None
    """tests made together (Holm's first step); 1, or those of a record's group"""
    alpha: float = 0.05
    """probability to find a difference where there is none"""
    power: float = 0.8
    """probability to find the difference that there is"""


def main(options: Options) -> int:
    from rd3.scores.power import require_probabilities

    _require_a_question(options)
    require_probabilities(alpha=options.alpha / (options.comparisons or 1), power=options.power)
    if options.deviation is not None:
        comparisons = options.comparisons or 1
        answer = _answer(options, options.deviation, comparisons=comparisons)
        sys.stdout.write(f"{answer} ({_test(options, comparisons)})\n")
        return 0
    for group in _groups(options.records):
        sys.stdout.write("".join(f"{line}\n" for line in _group_lines(options, group)))
    return 0


def _require_a_question(options: Options) -> None:
    from rd3.base.errors import UserError

    if (options.difference is None) == (options.seeds is None):
        raise UserError("give either --difference, to learn how many seeds it takes, or --seeds")
    if (options.deviation is None) == (not options.records):
        raise UserError("give either --deviation, or records to take it from")
    for name, value in (("difference", options.difference), ("deviation", options.deviation)):
        if value is not None and not 0 < value <= 100:
            raise UserError(f"{name} = {value}: in points, above 0 and at most 100")
    if options.comparisons is not None and options.comparisons < 1:
        raise UserError(f"comparisons = {options.comparisons}: at least 1")


def _groups(places: tuple[Path, ...]) -> list[list[dict[str, Any]]]:
    """Rows of each group that were compared with random."""
    from rd3.base.errors import UserError
    from rd3.study.ranking import groups, rows
    from rd3.study.records import read_records

    compared = [row for row in rows(read_records(places)) if row["versus_random"] and row["versus_random"]["deviation"]]
    if not compared:
        raise UserError(f"{', '.join(map(str, places))}: no method there has two seeds in common with random")
    return groups(compared)


def _group_lines(options: Options, group: list[dict[str, Any]]) -> list[str]:
    first, comparisons = group[0], options.comparisons or len(group)
    place = f"{first['target']}, IPC {first['ipc']}, {first['protocol']['id']} ({first['student']})"
    lines = [f"{place}, against random ({_test(options, comparisons)}):"]
    for row in group:
        versus = row["versus_random"]
        answer = _answer(options, 100 * versus["deviation"], comparisons, versus["n"] // versus["units"])
        lines.append(f"  {row['method']}: {answer}")
    return lines


def _test(options: Options, comparisons: int) -> str:
    together = f" over {comparisons} comparisons" if comparisons > 1 else ""
    return f"power {options.power:g}, alpha {options.alpha:g}{together}"


def _answer(options: Options, deviation: float, comparisons: int, seeds_a_draw: int = 1) -> str:
    """Where several seeds share a draw, a pair is the mean over the seeds of one."""
    from rd3.base.errors import UserError
    from rd3.scores.power import detectable_difference, seeds_needed

    alpha, power = options.alpha / comparisons, options.power
    each = f" draws of {seeds_a_draw} seeds" if seeds_a_draw > 1 else " seeds"
    if options.seeds is not None:
        pairs = options.seeds // seeds_a_draw
        if pairs < 2:
            raise UserError(f"seeds = {options.seeds}: a test needs at least {2 * seeds_a_draw}")
        least = detectable_difference(pairs, deviation, alpha=alpha, power=power)
        return f"with deviation {deviation:.2f}, {pairs}{each} show differences of {least:.2f} points and more"
    assert options.difference is not None, "one of the two was asked for"
    needed = seeds_needed(options.difference, deviation, alpha=alpha, power=power)
    count = "more than 10,000" if needed is None else f"{needed:,}"
    return f"with deviation {deviation:.2f}, a difference of {options.difference:g} points takes {count}{each}"
