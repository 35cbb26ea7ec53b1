"""Methods over all cells of one protocol: which cells enter, and what the mean ranks show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rd3.report.format import number, p_value, plain
from rd3.report.notes import protocol_title
from rd3.report.ranking import Group, Row, grouped
from rd3.scores.friedman import MeanRanks, mean_ranks


@dataclass(frozen=True)
class Across:
    """Mean ranks under one protocol, version and hash.

    Attributes:
        title: the protocol.
        cells: the groups of rows that enter, each (target, IPC, student) once.
        result: what the tests of the ranks show.
        methods_left_out: those that not all of `cells` have.
        cells_left_out: those that lack a method of `result`.
    """

    title: str
    cells: tuple[Group, ...]
    result: MeanRanks
    methods_left_out: tuple[str, ...]
    cells_left_out: tuple[Group, ...]


def across(rows: Iterable[Row], *, alpha: float = 0.05) -> list[Across]:
    """One for each protocol under which some cell has at least two methods; protocols are never mixed."""
    by_protocol: dict[object, list[Group]] = {}
    for group in grouped(rows):
        by_protocol.setdefault(group.key.protocol, []).append(_ranked_only(group))
    return [found for groups in by_protocol.values() if (found := _of_protocol(groups, alpha)) is not None]


def _ranked_only(group: Group) -> Group:
    """Without the rows that may not be ranked: none is left of a shortened protocol, whatever its own order."""
    return Group(group.key, tuple(row for row in group.rows if row.rankable))


def _of_protocol(groups: Sequence[Group], alpha: float) -> Across | None:
    """Of all sets of methods that some cell has, the one that uses the most accuracies; of equals, the larger set."""
    sets = {frozenset(_methods(group)) for group in groups}
    candidates = [methods for methods in sets if len(methods) > 1]
    if not candidates:
        return None
    chosen = max(candidates, key=lambda s: (len(s) * len(_having(groups, s)), len(s), sorted(s)))
    cells = _having(groups, chosen)
    tables = [{row.method: row.accuracy.mean for row in cell.rows if row.method in chosen} for cell in cells]
    return Across(
        title=protocol_title(groups[0]),
        cells=tuple(cells),
        result=mean_ranks(tables, alpha=alpha),
        methods_left_out=tuple(sorted(frozenset[str]().union(*sets) - chosen)),
        cells_left_out=tuple(group for group in groups if group not in cells),
    )


def _methods(group: Group) -> set[str]:
    return {row.method for row in group.rows}


def _having(groups: Iterable[Group], methods: frozenset[str]) -> list[Group]:
    return [group for group in groups if methods <= _methods(group)]


def sentence(found: Across) -> str:
    """What the mean ranks show, or how many cells it would take to show anything; which cells, in either case."""
    result = found.result
    cells = "1 cell" if result.cells == 1 else f"{result.cells} cells"
    what = f"{found.title}, mean ranks of {len(result.methods)} methods over {cells} ({cell_names(found.cells)})"
    if not result.decidable:
        return f"{what}: {_undecidable(result)}.{_left_out(found)}"
    return f"{what}: {_shown(result)}.{_dependence(found)}{_left_out(found)}"


def _undecidable(result: MeanRanks) -> str:
    return (
        f"no two could differ, since the most that they can be apart is {len(result.methods) - 1} and the critical"
        f" difference is {number(result.critical_difference, 2)} (Nemenyi, α = {result.alpha:g}); at least"
        f" {result.cells_needed} cells are needed"
    )


def _shown(result: MeanRanks) -> str:
    means = ", ".join(
        f"{plain(name)} {number(mean, 2)}" for name, mean in zip(result.methods, result.mean_ranks, strict=True)
    )
    p = p_value(result.p)
    test = f"Friedman's χ² is {number(result.statistic, 1)}, p {p if p[0] == '<' else '= ' + p}"
    if result.p >= result.alpha:
        return f"{means}; {test}: the methods are not told apart"
    least = number(result.critical_difference, 2)
    counts = f"differences of {least} or more count (Nemenyi, α = {result.alpha:g})"
    return f"{means}; {test}; {counts}: {_ahead(result) or 'there is none'}"


def _dependence(found: Across) -> str:
    """Friedman's test takes blocks for independent, which cells of one target are not quite."""
    targets = {(cell.key.target, cell.key.target_fingerprint) for cell in found.cells}
    return " Cells of one target share its images, so p is a guide only." if len(targets) < len(found.cells) else ""


def _ahead(result: MeanRanks) -> str:
    """Who is ahead of whom: pairs that no group holds together."""
    parts = []
    for place, name in enumerate(result.methods):
        together = {other for group in result.groups if name in group for other in group}
        behind = [plain(other) for other in result.methods[place + 1 :] if other not in together]
        if behind:
            parts.append(f"{plain(name)} is ahead of {', '.join(behind)}")
    return "; ".join(parts)


def _left_out(found: Across) -> str:
    parts = [f"methods {', '.join(map(plain, found.methods_left_out))}"] if found.methods_left_out else []
    parts += [f"cells {cell_names(found.cells_left_out)}"] if found.cells_left_out else []
    return f" Left out, since not every cell has every method: {'; '.join(parts)}." if parts else ""


def cell_names(cells: Iterable[Group]) -> str:
    """`digits IPC 1, 10 with mlp; …`: cells by target and student."""
    found: dict[tuple[str, str, str], list[int]] = {}
    for cell in cells:
        key = cell.key
        found.setdefault((key.target, key.target_fingerprint, key.student), []).append(key.ipc)
    return "; ".join(
        f"{plain(target)} IPC {', '.join(map(str, sorted(ipc)))} with {plain(student)}"
        for (target, _, student), ipc in found.items()
    )
