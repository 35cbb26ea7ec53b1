"""Records -> ranking rows: one a (target, method, IPC, protocol, student)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Any

from rd3.base.spec import fingerprint_of
from rd3.evaluation.settings import PEEKED
from rd3.scores.definitions import USUAL_WEIGHT, require_weights
from rd3.scores.intervals import Interval
from rd3.scores.nested import Nested, by_draw, nested
from rd3.scores.ranking import Comparison, compare
from rd3.scores.ranks import rank_intervals
from rd3.study.asked import RANDOM
from rd3.study.cells import Cell, Cells
from rd3.study.precision import mixed_precision
from rd3.study.records import Record
from rd3.study.scored import parts_of_cell, scores
from rd3.study.scoring import PARTS

SCHEMA = "rd3.ranking/1"
NOT_RANKABLE = "not rankable: "


def rows(records: Sequence[Record], *, w: float = USUAL_WEIGHT, gamma: float = USUAL_WEIGHT) -> list[dict[str, Any]]:
    """The ranking: groups in a stable order, and within a group from the best to the worst.

    Args:
        w: weight of IOR against HLR in LRS.
        gamma: weight of the augmented against the plain difference in ARS.

    Raises:
        UserError: the records mix two versions of a protocol, or a weight is outside [0, 1].
    """
    require_weights(w, gamma)
    cells = Cells(records)
    ranked = [(cell, _row(cells, cell, w=w, gamma=gamma)) for cell in cells.ranked()]
    answer = []
    for group in groups([row for _, row in ranked]):
        members = {id(row) for row in group}
        _compare([(cell, row) for cell, row in ranked if id(row) in members], cells)
        together = mixed_precision(
            run for cell, row in ranked if id(row) in members for run in cells.runs(cell).values()
        )
        for row in group:
            row["flags"] = sorted({*row["flags"], *together})
        answer += _placed(sorted(group, key=lambda row: row["rank"]["value"]))
    return answer


def groups(table: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows that may be ranked against each other: equal target, IPC, protocol hash and student."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in table:
        place = (row["target"], row["target_fingerprint"], row["ipc"], row["protocol"]["hash"], row["student"])
        found.setdefault(place, []).append(row)
    return list(found.values())


def _placed(group: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The group from the best to the worst, without ranks where anything was chosen on the test split."""
    if any(PEEKED in flag for row in group for flag in row["flags"]):
        for row in group:
            row["rank"] = None
    return group


def _row(cells: Cells, cell: Cell, *, w: float, gamma: float) -> dict[str, Any]:
    runs = cells.runs(cell)
    first = next(iter(runs.values()))
    own, random, whole = (_nested(cells, one) for one in (cell, replace(cell, method=RANDOM), cells.whole(cell)))
    assert own is not None, "a ranked cell has runs"
    parts = {name: cells.runs(part) for name, part in parts_of_cell(cells, cell).items() if part not in (None, cell)}
    others = [run for found in parts.values() for run in found.values()]
    own_flags = {flag for run in runs.values() for flag in run.flags} | _mark(first)
    return {
        "target": cell.target,
        "target_fingerprint": cell.target_fingerprint,
        "method": cell.method,
        "ipc": cell.ipc,
        "protocol": {"id": first.protocol.id, "version": first.protocol.version, "hash": first.protocol.hash},
        "student": cell.student,
        "n": len(runs),
        "draws": own.draws,
        "accuracy": _bounds(own.interval),
        "covers": own.covers,
        "given_draws": _bounds(own.given_draws),
        "variance": {"draws": own.between, "seeds": own.within},
        "random": _bounds(random.interval if random else None),
        "whole": _bounds(whole.interval if whole else None),
        **{name: _bounds(interval) for name, interval in scores(cells, cell, w=w, gamma=gamma).items()},
        "weights": {"w": w, "gamma": gamma},
        "versus_random": None,
        "seconds": {name: _mean_seconds(runs.values(), name) for name in ("squeeze", "synthesise", "relabel", "train")},
        "bytes": {"images": first.bytes.images, "labels": first.bytes.labels},
        "fingerprint": fingerprint_of("row", sorted(run.fingerprint for run in runs.values())),
        "label_kind": first.settings.labels,
        "hard_counterpart": first.protocol.counterparts.hard,
        "aids": sorted(first.aids),
        "rankable": not any(run.protocol.not_rankable for run in (first, *others)),
        "flags": sorted(
            own_flags
            | _of_parts(parts, besides=own_flags)
            | _same_runs(runs, parts.get("random_own", {}))
            | _weak(whole, random)
            | mixed_precision([*runs.values(), *others])
            | _weighed(w, gamma)
        ),
    }


def _nested(cells: Cells, cell: Cell | None) -> Nested | None:
    accuracies = cells.accuracies(cell)
    return nested(by_draw(accuracies, cells.draws(cell))) if accuracies else None


def _mean_seconds(runs: Iterable[Record], stage: str) -> float | None:
    """Mean over runs, None where the stage's time is not known."""
    found = [getattr(run.seconds, stage) for run in runs]
    return None if None in found else fmean(found)


def _weak(whole: Nested | None, random: Nested | None) -> set[str]:
    """A reference that a handful of images beats was trained too little to measure a loss against."""
    if whole and random and whole.interval.mean < random.interval.mean:
        return {"HLR and LRS mean little: the whole target, under its protocol, is below random images"}
    return set()


def _weighed(w: float, gamma: float) -> set[str]:
    usual = (w, gamma) == (USUAL_WEIGHT, USUAL_WEIGHT)
    return set() if usual else {f"weights other than the usual 0.5: w = {w:g} in LRS, gamma = {gamma:g} in ARS"}


def _mark(record: Record) -> set[str]:
    reason = record.protocol.not_rankable
    return {f"{NOT_RANKABLE}{reason}"} if reason else set()


def _of_parts(parts: Mapping[str, Mapping[int, Record]], *, besides: set[str]) -> set[str]:
    """What bars the runs that a score takes from other protocols and images, by DD-Ranking's symbol."""
    found = {(PARTS[name][0], flag) for name, runs in parts.items() for run in runs.values() for flag in _bars(run)}
    return {f"{symbol}: {flag}" for symbol, flag in found if flag not in besides}


def _bars(record: Record) -> set[str]:
    return {flag for flag in record.flags if PEEKED in flag} | _mark(record)


def _same_runs(own: Mapping[int, Record], random: Mapping[int, Record]) -> set[str]:
    same = [r for r, run in own.items() if r in random and random[r].fingerprint == run.fingerprint]
    if not same or own[same[0]].method == RANDOM:
        return set()
    seeds = ", ".join(map(str, same))
    return {f"the set is one of the random references: with seed {seeds} the same run stands on both sides"}


def _bounds(interval: Interval | None) -> dict[str, float | None] | None:
    return None if interval is None else {"mean": interval.mean, "low": interval.low, "high": interval.high}


def _compare(ranked: list[tuple[Cell, dict[str, Any]]], cells: Cells) -> None:
    """Fill in each row's rank, and its paired difference to random with p corrected over the group (Holm)."""
    accuracies = {cell.method: cells.accuracies(cell) for cell, _ in ranked}
    draws = {cell.method: cells.draws(cell) for cell, _ in ranked}
    resolution = 1 / next(iter(cells.runs(ranked[0][0]).values())).test_images
    ranks = rank_intervals(accuracies, draws=draws, resolution=resolution)
    random = accuracies.get(RANDOM, {})
    comparable = {method: runs for method, runs in accuracies.items() if runs.keys() & random.keys()}
    found: dict[str, Comparison] = {}
    if len(comparable) > 1 and len(random) > 1:
        made = compare(comparable, reference=RANDOM, draws=draws, resolution=resolution)
        found = {each.name: each for each in made}
    for cell, row in ranked:
        row["rank"] = ranks[cell.method].as_json()
        if cell.method in found:
            row["versus_random"] = _difference(found[cell.method])


def _difference(comparison: Comparison) -> dict[str, Any]:
    return {
        "mean": comparison.difference.mean,
        "low": comparison.difference.low,
        "high": comparison.difference.high,
        "n": comparison.n,
        "units": comparison.units,
        "draws_of": list(comparison.draws_of),
        "deviation": comparison.deviation,
        "p": comparison.p,
        "p_sign_flip": comparison.p_sign_flip,
        "p_holm": comparison.p_holm,
        "separable": comparison.separable,
        "seeds_needed": comparison.seeds_needed,
    }
