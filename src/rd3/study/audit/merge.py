"""Factors that cannot be switched alone become one: which they are is found by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from rd3.scores.attribution import Coalition, coalitions
from rd3.study.audit.factors import Factor, merged


def merge(
    factors: Sequence[Factor], refusal: Callable[[Coalition], str | None]
) -> tuple[tuple[Factor, ...], dict[str, str]]:
    """Merge factors until every coalition is a protocol that can be run.

    In each round the two are merged whose separation is behind most refusals. Switching none and switching all are
    protocols already, so this ends.

    Args:
        refusal: why a mixture cannot be run, by the keys of what is switched; None where it can.

    Returns:
        The factors that are left, in order, and why those that were merged go together, by key.
    """
    every = coalitions([factor.key for factor in factors])
    refused = {coalition: reason for coalition in every if (reason := refusal(coalition)) is not None}
    groups = [[factor] for factor in factors]
    reasons: dict[str, str] = {}
    while broken := _broken(groups, refused):
        first, second = _most_needed(groups, broken)
        reason = next(refused[coalition] for coalition in broken if _separates(coalition, first, second))
        groups = [group for group in groups if group not in (first, second)] + [_sorted([*first, *second], factors)]
        earlier = [reasons.pop(merged(group).key, "") for group in (first, second)]
        reasons[merged(groups[-1]).key] = "; ".join(dict.fromkeys(filter(None, [*earlier, reason])))
    answer = sorted(groups, key=lambda group: factors.index(group[0]))
    return tuple(merged(group) for group in answer), reasons


def _broken(groups: Iterable[Sequence[Factor]], refused: Iterable[Coalition]) -> list[Coalition]:
    """The refused coalitions that split no group."""
    return [coalition for coalition in refused if not any(_splits(coalition, group) for group in groups)]


def _splits(coalition: Coalition, group: Sequence[Factor]) -> bool:
    return 0 < sum(factor.key in coalition for factor in group) < len(group)


def _separates(coalition: Coalition, first: Sequence[Factor], second: Sequence[Factor]) -> bool:
    return (first[0].key in coalition) != (second[0].key in coalition)


def _most_needed(groups: Sequence[list[Factor]], broken: Sequence[Coalition]) -> tuple[list[Factor], list[Factor]]:
    return max(combinations(groups, 2), key=lambda pair: sum(_separates(each, *pair) for each in broken))


def _sorted(group: Sequence[Factor], factors: Sequence[Factor]) -> list[Factor]:
    return sorted(group, key=factors.index)
