"""What has to be said beside a ranking, in words: shared by the terminal and the page."""

from __future__ import annotations

from rd3.report.format import percent, plain
from rd3.report.ranking import Group

MARK = "†"
NOT_SEPARABLE = "≈"
RANDOM = "random"


def protocol_title(group: Group) -> str:
    """Protocol with version and the start of its hash."""
    protocol = group.key.protocol
    return f"{plain(protocol.id)} v{protocol.version} ({plain(protocol.hash)[:8]})"


def group_title(group: Group) -> str:
    """Target, IPC, protocol and student of a group, on one line."""
    key = group.key
    mark = "" if any(row.rankable for row in group.rows) else f" {MARK}"
    return f"{plain(key.target)} · IPC {key.ipc} · {protocol_title(group)}{mark} · {plain(key.student)}"


def is_random(method: str) -> bool:
    """Whether a method is the random reference itself, whatever its settings."""
    return method.partition("[")[0] == RANDOM


def references(group: Group) -> str:
    """The accuracies of random images and of the whole target under the group's protocol."""
    first = group.rows[0]
    parts = {"whole target": first.whole, "random images": first.random}
    return "; ".join(f"{name} {percent(value)} %" for name, value in parts.items() if value is not None)


def notes(group: Group) -> list[str]:
    """One line each: what may not be ranked, what is not separable from random, and the flags of the rows."""
    return [*_rankable(group), *_separable(group), *_flags(group)]


def _rankable(group: Group) -> list[str]:
    protocol = plain(group.key.protocol.id)
    barred = [plain(row.method) for row in group.rows if not row.rankable]
    if len(barred) == len(group.rows):
        return [f"{MARK} {protocol} ranks these methods among themselves only: not comparable with results under rd3."]
    return [f"{MARK} {', '.join(barred)}: shown, but not rankable under {protocol}."] if barred else []


def _separable(group: Group) -> list[str]:
    lines = []
    for row in group.rows:
        versus = row.versus_random
        if versus is not None and not versus.separable:
            need = f"; it would need about {versus.seeds_needed} seeds" if versus.seeds_needed else ""
            seeds = "1 seed" if row.n == 1 else f"{row.n} seeds"
            lines.append(f"{NOT_SEPARABLE} {plain(row.method)} is not separable from random with {seeds}{need}.")
    return lines


def _flags(group: Group) -> list[str]:
    """Each flag once, with the methods that it concerns unless it concerns all."""
    flags = dict.fromkeys(flag for row in group.rows for flag in row.flags)
    concerned = {flag: [plain(row.method) for row in group.rows if flag in row.flags] for flag in flags}
    return [
        plain(flag) if len(methods) == len(group.rows) > 1 else f"{', '.join(methods)}: {plain(flag)}"
        for flag, methods in concerned.items()
    ]
