"""Runs an audit: every mixture is an ordinary run of the store, done once however many audits ask for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rd3.base.errors import UserError
from rd3.scores.attribution import Coalition, Contribution, contributions, path
from rd3.scores.intervals import Interval, paired_difference, t_interval
from rd3.scores.ladder import climb
from rd3.study.audit.case import Case
from rd3.study.audit.cell import Side
from rd3.study.audit.design import Design
from rd3.study.audit.factors import Factor, changes
from rd3.study.audit.facts import facts
from rd3.study.audit.result import Audit, CoalitionFacts, FactorFacts, SideFacts, SideName
from rd3.study.executors.base import Executor, Listener, Silent
from rd3.study.jobs.base import Job
from rd3.study.jobs.run import RunJob, record_of
from rd3.study.records import Record
from rd3.study.store import Store

Place = tuple[Coalition, int]  # what is switched, and which replicate


@dataclass(frozen=True)
class AuditPlan:
    """A case, the runs that it needs, and what was reported elsewhere.

    Attributes:
        published: an accuracy under the start's protocol, a fraction.
    """

    case: Case
    design: Design
    published: float | None = None
    jobs: Mapping[Place, RunJob] = field(default_factory=dict)


def plan_audit(case: Case, design: Design, *, published: float | None = None) -> AuditPlan:
    """All runs of an audit, without doing any.

    Raises:
        UserError: the two sides are the same and no published number is to be explained, or that is no fraction.
    """
    if published is not None and not 0 <= published <= 1:
        raise UserError(f"published = {published}: an accuracy lies between 0 and 1")
    if not case.factors and published is None:
        raise UserError(
            f"{case.start.protocol.id} and {case.end.protocol.id} do not differ for {case.cell.target.name},"
            f" IPC {case.start.ipc}, {case.cell.student}: there is nothing to audit"
        )
    wanted = [(switched, replicate) for replicate in range(design.seeds) for switched in design.coalitions(replicate)]
    return AuditPlan(case, design, published, {place: case.job(*place) for place in wanted})


def run_audit(
    plan: AuditPlan, store: Store, executor: Executor, *, before: Sequence[Job] = (), listener: Listener | None = None
) -> tuple[Audit, list[Record]]:
    """Do what is missing, and say what the difference is made of; repeating it resumes it.

    Args:
        before: jobs that the runs need, such as the teacher's.

    Returns:
        The audit, and the records that it was made of.
    """
    executor.run([*before, *plan.jobs.values()], store, listener or Silent())
    records = {place: record_of(job, store) for place, job in plan.jobs.items()}
    return _audit(plan, records), list(records.values())


def _audit(plan: AuditPlan, records: Mapping[Place, Record]) -> Audit:
    case, design = plan.case, plan.design
    steps = path(design.keys)
    ladder = {step: [records[step, seed].accuracy for seed in range(design.seeds)] for step in steps}
    start, end = ladder[steps[0]], ladder[steps[-1]]
    return Audit(
        **facts(case.cell, (case.start, case.end), list(records.values())),
        start=_side(case.start, start),
        end=_side(case.end, end),
        difference=paired_difference(end, start).interval,
        published=plan.published,
        remainder=_remainder(plan.published, start),
        factors=factors_of(case),
        ladder=climb(design.keys, ladder, resolution=1 / next(iter(records.values())).test_images),
        contributions=_contributions(design, records),
        exact=design.exact,
        orders=0 if design.exact else len(design.orders[0]),
        coalitions=_coalitions(design, records),
    )


def name_of(side: Side) -> SideName:
    """A side as results name it."""
    return SideName(
        protocol=side.protocol.id,
        version=side.protocol.version,
        hash=side.protocol.hash,
        method=side.synthetic.manifest.method,
        images=side.images,
    )


def _side(side: Side, accuracies: Sequence[float]) -> SideFacts:
    return SideFacts(**name_of(side).model_dump(), accuracy=t_interval(accuracies), seeds=tuple(accuracies))


def _remainder(published: float | None, start: Sequence[float]) -> Interval | None:
    return None if published is None else t_interval([published - accuracy for accuracy in start])


def factors_of(case: Case) -> tuple[FactorFacts, ...]:
    """What the two sides differ in, in the order of the ladder."""
    return tuple(_factor(case, factor) for factor in case.factors)


def _factor(case: Case, factor: Factor) -> FactorFacts:
    return FactorFacts(
        key=factor.key,
        name=factor.name,
        parts=factor.parts,
        together=case.reasons.get(factor.key),
        changes=changes(case.start.settings, case.end.settings, factor),
    )


def _contributions(design: Design, records: Mapping[Place, Record]) -> tuple[Contribution, ...]:
    seeds = []
    for replicate in range(design.seeds):
        game = {switched: record.accuracy for (switched, seed), record in records.items() if seed == replicate}
        seeds.append(design.shares(replicate, game))
    return contributions(seeds)


def _coalitions(design: Design, records: Mapping[Place, Record]) -> tuple[CoalitionFacts, ...]:
    """In the order of their size, and within a size in that of the ladder."""
    place = {key: position for position, key in enumerate(design.keys)}
    switched: dict[tuple[str, ...], dict[int, Record]] = {}
    for (coalition, seed), record in records.items():
        switched.setdefault(tuple(sorted(coalition, key=place.__getitem__)), {})[seed] = record
    return tuple(
        CoalitionFacts(
            switched=keys,
            accuracies={seed: record.accuracy for seed, record in runs.items()},
            runs={seed: record.fingerprint for seed, record in runs.items()},
        )
        for keys, runs in sorted(switched.items(), key=lambda item: (len(item[0]), [place[key] for key in item[0]]))
    )
