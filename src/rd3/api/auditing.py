"""What differences between evaluations are made of."""

from __future__ import annotations

from collections.abc import Sequence

from rd3.data.target import Target
from rd3.study.audit.cell import Cell
from rd3.study.audit.design import EXACT_UP_TO
from rd3.study.audit.prepare import STUDENT, keep_images, prepare_audit, prepare_rectification
from rd3.study.audit.rectification import Rectification
from rd3.study.audit.rectify import run_rectification
from rd3.study.audit.result import Audit
from rd3.study.audit.run import run_audit
from rd3.study.bench import Teachers, labeller, listed
from rd3.study.executors.base import Listener
from rd3.study.executors.choose import choose_executor
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic


def audit(
    synthetic: Synthetic,
    target: Target,
    other: Synthetic | None = None,
    *,
    start: str,
    end: str,
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    published: float | None = None,
    order: Sequence[str] = (),
    exact_up_to: int = EXACT_UP_TO,
    permutations: int | None = None,
    epochs_scale: float = 1.0,
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Audit:
    """What the difference between two evaluations is made of: factor by factor, and in shares that add up to it.

    Args:
        other: other images, for the second protocol; None audits two protocols on the same images.
        start, end: the two protocols, by id or file.
        teacher: who labels on both sides, one or several.
        published: the accuracy, a fraction, that was reported for `synthetic` under `start`.
        order: keys of factors as the ladder switches them (see `rd3.study.audit.factors`); the others follow.
        exact_up_to: for how many factors all 2^k coalitions are trained; for more, orders are drawn.
        permutations: how many orders are drawn for each seed, an even number; about as many as factors by default.
        epochs_scale: what the epochs of both protocols are multiplied by.

    Raises:
        UserError: the two sides do not differ, their images differ in IPC, or a protocol needs a teacher.
    """
    store = store or Store()
    cell = _audited_cell(target, teacher, student, epochs_scale, store)
    plan = prepare_audit(
        cell,
        synthetic,
        other,
        (start, end),
        seeds=seeds,
        published=published,
        order=order,
        exact_up_to=exact_up_to,
        permutations=permutations,
    )
    keep_images([synthetic, *([] if other is None else [other])], target, store)
    return run_audit(plan, store, choose_executor(device, workers=workers), listener=listener)[0]


def rectify(
    methods: Sequence[tuple[Synthetic, str]],
    target: Target,
    *,
    to: str = "rd3",
    teacher: Teachers = None,
    student: str | None = None,
    seeds: int = 5,
    epochs_scale: float = 1.0,
    store: Store | None = None,
    device: str = "auto",
    workers: int = 1,
    listener: Listener | None = None,
) -> Rectification:
    """Methods under their own protocols and under one: what is left of the gap between them.

    Args:
        methods: each synthetic with the protocol that it was published under.
        to: the common protocol.
        teacher, epochs_scale: as in `audit`.
    """
    store = store or Store()
    cell = _audited_cell(target, teacher, student, epochs_scale, store)
    plan = prepare_rectification(cell, methods, to, seeds=seeds)
    keep_images([synthetic for synthetic, _ in methods], target, store)
    return run_rectification(plan, store, choose_executor(device, workers=workers), listener=listener)[0]


def _audited_cell(target: Target, teacher: Teachers, student: str | None, epochs_scale: float, store: Store) -> Cell:
    teachers = tuple(labeller(one, target, store) for one in listed(teacher))
    return Cell(target, student or (teachers[0].name if teachers else STUDENT), teachers, epochs_scale)
