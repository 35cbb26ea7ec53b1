"""Runs a rectification: the runs are an audit's, so they share their seeds and come from the same store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.study.audit.cell import Cell, Side
from rd3.study.audit.factors import FACTORS, changes
from rd3.study.audit.facts import facts
from rd3.study.audit.mixture import protocol_of
from rd3.study.audit.rectification import OwnProtocol, Rectification, compared, gap
from rd3.study.executors.base import Executor, Listener, Silent
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunJob, record_of
from rd3.study.records import Record
from rd3.study.store import Store

BEFORE, AFTER = "before", "after"
Place = tuple[str, str, int]  # method, before or after, replicate


@dataclass(frozen=True)
class RectifyPlan:
    """Each method under its own protocol and under the common one, and the runs that this needs."""

    cell: Cell
    seeds: int
    before: Mapping[str, Side]
    after: Mapping[str, Side]
    jobs: Mapping[Place, RunJob]


def plan_rectification(cell: Cell, pairs: Sequence[tuple[Side, Side]], *, seeds: int) -> RectifyPlan:
    """All runs of a rectification, without doing any.

    Args:
        pairs: of each method: under its own protocol, and under the common one.

    Raises:
        UserError: fewer than two methods, one of them twice, synthetics that differ in size, or no seeds.
    """
    if len(pairs) < 2:
        raise UserError("at least 2 methods are needed, each as SYNTHETIC=PROTOCOL")
    if seeds < 1:
        raise UserError(f"seeds = {seeds}: at least 1 is needed")
    sizes = sorted({own.ipc for own, _ in pairs})
    if len(sizes) > 1:
        raise UserError(f"IPC {' and '.join(map(str, sizes))}: methods are compared at one size")
    names = _names([own for own, _ in pairs])
    before = {name: own for name, (own, _) in zip(names, pairs, strict=True)}
    after = {name: common for name, (_, common) in zip(names, pairs, strict=True)}
    jobs = {
        (name, when, replicate): cell.run(side, protocol_of(side.settings.as_json()), replicate)
        for when, sides in ((BEFORE, before), (AFTER, after))
        for name, side in sides.items()
        for replicate in range(seeds)
    }
    return RectifyPlan(cell, seeds, before, after, jobs)


def run_rectification(
    plan: RectifyPlan, store: Store, executor: Executor, *, before: Sequence[Job] = (), listener: Listener | None = None
) -> tuple[Rectification, list[Record]]:
    """Do what is missing, and compare; repeating it resumes it.

    Args:
        before: jobs that the runs need, such as the teacher's.

    Returns:
        The comparison, and the records that it was made of.
    """
    executor.run([*before, *plan.jobs.values()], store, listener or Silent())
    records = {place: record_of(job, store) for place, job in plan.jobs.items()}
    own, shared = (_accuracies(plan, records, when) for when in (BEFORE, AFTER))
    common = next(iter(plan.after.values())).protocol
    found = Rectification(
        **facts(plan.cell, [*plan.before.values(), *plan.after.values()], list(records.values())),
        common=common.id,
        version=common.version,
        hash=common.hash,
        gap_before=gap(own),
        gap_after=gap(shared),
        methods=compared(
            [_own(name, side, plan.after[name]) for name, side in plan.before.items()],
            own,
            shared,
            resolution=1 / next(iter(records.values())).test_images,
        ),
    )
    return found, list(records.values())


def _names(sides: Sequence[Side]) -> list[str]:
    labels = [side.synthetic.manifest.method for side in sides]
    names = [
        label if labels.count(label) == 1 else f"{label} ({side.images[:6]})"
        for label, side in zip(labels, sides, strict=True)
    ]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{twice}: given twice; a method has one protocol of its own")
    return names


def _accuracies(plan: RectifyPlan, records: Mapping[Place, Record], when: str) -> dict[str, list[float]]:
    return {name: [records[name, when, seed].accuracy for seed in range(plan.seeds)] for name in plan.before}


def _own(name: str, side: Side, common: Side) -> OwnProtocol:
    protocol = side.protocol
    return OwnProtocol(
        name=name,
        images=side.images,
        protocol=protocol.id,
        version=protocol.version,
        hash=protocol.hash,
        changes=tuple(change for factor in FACTORS for change in changes(side.settings, common.settings, factor)),
    )
