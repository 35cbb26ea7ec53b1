"""One honest sentence for each group of a ranking: what the table shows, and what it does not."""

from __future__ import annotations

from typing import Any

from rd3.scores.power import needed_in_draws, seeds_in_draws
from rd3.study.asked import RANDOM


def sentence(group: list[dict[str, Any]]) -> str:
    """What a group of rows (equal target, IPC, protocol, student) shows about the methods and random images."""
    first = group[0]
    compared = [row for row in group if row["versus_random"] is not None]
    setting = ", ".join([first["student"], f"n = {first['n']}", *_one_draw(compared)])
    place = f"{first['target']}, IPC {first['ipc']}, {first['protocol']['id']} ({setting})"
    random = next((row for row in group if row["method"] == RANDOM), None)
    if random is None or not compared:
        return f"{place}: nothing to compare with random real images (at least two seeds and two methods are needed)."
    better = [row for row in compared if row["versus_random"]["separable"] and row["versus_random"]["mean"] > 0]
    worse = [row for row in compared if row["versus_random"]["separable"] and row["versus_random"]["mean"] < 0]
    level = [row for row in compared if not row["versus_random"]["separable"]]
    parts = [f"random real images reach {100 * random['accuracy']['mean']:.1f} %"]
    parts.append(f"above them: {_names(better)}" if better else "no method is shown to be above them")
    if worse:
        parts.append(f"below them, under the same labels: {_names(worse)}")
    if level:
        parts.append(f"not separable from random: {_needs(level)}")
    return f"{place}: {'; '.join(parts)}.{_mark(first)}"


def _one_draw(compared: list[dict[str, Any]]) -> list[str]:
    """Seeds alone don't show how another synthesis of the method would have fared."""
    single = [row["method"] for row in compared if row["draws"] == 1]
    if not single:
        return []
    return ["one synthesis a method"] if len(single) == len(compared) else [f"one synthesis of {', '.join(single)}"]


def _names(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['method']} ({100 * row['versus_random']['mean']:+.1f})" for row in rows)


def _needs(rows: list[dict[str, Any]]) -> str:
    return ", ".join(f"{row['method']} ({_need(row['versus_random'])})" for row in rows)


def _need(versus: dict[str, Any]) -> str:
    n, needed, units = versus["n"], versus["seeds_needed"], versus.get("units")
    more = f", {needed_in_draws(n, needed, units)} needed" if needed else ""
    return seeds_in_draws(n, units) + more


def _mark(row: dict[str, Any]) -> str:
    reason = next((flag for flag in row["flags"] if flag.startswith("not rankable")), None)
    return "" if reason is None else f" ({reason[0].upper()}{reason[1:]}.)"
