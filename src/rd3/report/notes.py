"""What has to be said beside a ranking, in words: shared by the terminal and the page."""

from __future__ import annotations

import math
from collections.abc import Iterable

from rd3.report.format import DASH, estimate, number, p_value, percent, plain
from rd3.report.ranking import Group, Row, Versus, ranks
from rd3.scores.power import needed_in_draws, seeds_in_draws

MARK = "†"
NOT_SEPARABLE = "≈"
SEEDS_ONLY = "°"
RANDOM = "random"


def protocol_title(group: Group) -> str:
    """Protocol with version and the start of its hash."""
    protocol = group.key.protocol
    return f"{plain(protocol.id)} v{protocol.version} ({plain(protocol.hash)[:8]})"


def no_place(row: Row) -> str:
    """What stands in place of a rank."""
    return DASH if row.rankable else MARK


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
    """One line each: what may not be ranked, what is not separable from random, what that rests on, and flags."""
    return [*_rankable(group), *_separable(group), *_tests(group), *_scope(group), *_variances(group), *_flags(group)]


def _rankable(group: Group) -> list[str]:
    protocol = plain(group.key.protocol.id)
    barred = [plain(row.method) for row in group.rows if not row.rankable]
    if len(barred) == len(group.rows):
        if not any(ranks(group)):
            return [f"{MARK} {protocol}: for comparison only, not ranked."]
        return [f"{MARK} {protocol} ranks these methods among themselves only: not comparable with results under rd3."]
    return [f"{MARK} {', '.join(barred)}: shown, but not rankable under {protocol}."] if barred else []


def _compared(group: Group) -> Iterable[tuple[Row, Versus]]:
    return ((row, row.versus_random) for row in group.rows if row.versus_random is not None)


def _separable(group: Group) -> list[str]:
    lines = []
    for row, versus in _compared(group):
        if not versus.separable:
            n = row.n if versus.n is None else versus.n
            needed = versus.seeds_needed
            need = f"; it would need {_seeds(needed_in_draws(n, needed, versus.units))}" if needed else ""
            seeds = seeds_in_draws(n, versus.units)
            lines.append(f"{NOT_SEPARABLE} {plain(row.method)} is not separable from random with {seeds}{need}.")
    return lines


def _seeds(needed: str) -> str:
    """`about 24 seeds`, or `about 24 seeds in 8 draws`."""
    seeds, inside, draws = needed.partition(" in ")
    return f"{seeds} seeds{inside}{draws} draws" if inside else f"{seeds} seeds"


def _tests(group: Group) -> list[str]:
    """Both tests side by side: one assumes normal differences, the other cannot be significant with few of them."""
    found = [(row, versus) for row, versus in _compared(group) if versus.p_sign_flip is not None]
    if not found:
        return []
    values = "; ".join(
        f"{plain(row.method)} {p_value(versus.p_holm)}, {p_value(versus.p_sign_flip)}" for row, versus in found
    )
    units = max(versus.units or versus.n or row.n for row, versus in found)
    least = p_value(2 / 2**units)
    return [
        f"p of vs random, by paired t-test with Holm's correction, then by exact sign flips without one"
        f" ({'at least ' + least if least[0] != '<' else 'can be ' + least} with {units} pairs): {values}."
    ]


def _scope(group: Group) -> list[str]:
    """What the differences to random cover: with one synthesis, another might have fared otherwise."""
    scopes: dict[tuple[bool, bool], list[str]] = {}
    for row, versus in _compared(group):
        if versus.draws_of is not None and versus.low is not None:
            scope = (row.method in versus.draws_of, any(map(is_random, versus.draws_of)))
            scopes.setdefault(scope, []).append(plain(row.method))
    if len(scopes) == 1:
        return [f"vs random covers {_scope_words(*scope)}." for scope in scopes]
    return [f"vs random covers {_scope_words(*scope)}: {', '.join(names)}." for scope, names in scopes.items()]


def _scope_words(own: bool, random: bool) -> str:
    varied = {
        (True, True): "seeds, and draws on both sides",
        (True, False): "seeds and the method's draws, for the one random subset at hand",
        (False, True): "seeds and random's draws, for the one synthesis of a method at hand",
        (False, False): "seeds only, for the draws at hand",
    }
    return varied[own, random]


def _variances(group: Group) -> list[str]:
    """Deviations of draws and of seeds in points, where the design tells them apart."""
    parts = []
    for row in group.rows:
        draws, seeds = row.variance.draws, row.variance.seeds
        if draws is not None and seeds is not None:
            half = estimate(row.given_draws, decimals=1, scale=100)[1]
            deviations = (number(100 * math.sqrt(variance), 1) for variance in (draws, seeds))
            parts.append(f"{plain(row.method)} {', '.join(deviations)}, ±\u00a0{half}")
    what = "Standard deviation between draws, between seeds of a draw, and ± of accuracy over seeds for these draws"
    return [f"{what}, in points: {'; '.join(parts)}."] if parts else []


def _flags(group: Group) -> list[str]:
    """Each flag once, with the methods that it concerns unless it concerns all."""
    flags = dict.fromkeys(flag for row in group.rows for flag in row.flags)
    concerned = {flag: [plain(row.method) for row in group.rows if flag in row.flags] for flag in flags}
    return [
        plain(flag) if len(methods) == len(group.rows) > 1 else f"{', '.join(methods)}: {plain(flag)}"
        for flag, methods in concerned.items()
    ]
