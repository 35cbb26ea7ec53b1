"""From names and objects to the plan of an audit: what the public verbs and the command line share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rd3.base.files import write_atomic
from rd3.data.target import Target
from rd3.evaluation.files import load_protocol
from rd3.study.audit.case import make_case
from rd3.study.audit.cell import Cell
from rd3.study.audit.design import EXACT_UP_TO, make_design
from rd3.study.audit.facts import Facts
from rd3.study.audit.rectify import RectifyPlan, plan_rectification
from rd3.study.audit.run import AuditPlan, plan_audit
from rd3.study.bench import keep_synthetic
from rd3.study.records import Record
from rd3.study.store import Store
from rd3.synthetic.artifact import Synthetic

RESULT = "audit.json"
STUDENT = "convnet3-bn"  # where there is no teacher to be like


def keep_images(synthetics: Iterable[Synthetic], target: Target, store: Store) -> None:
    """Put synthetics into the store, from which runs take them."""
    for synthetic in synthetics:
        keep_synthetic(synthetic, target, store)


def prepare_audit(
    cell: Cell,
    synthetic: Synthetic,
    other: Synthetic | None,
    protocols: tuple[str, str],
    *,
    seeds: int,
    published: float | None = None,
    order: Sequence[str] = (),
    exact_up_to: int = EXACT_UP_TO,
    permutations: int | None = None,
) -> AuditPlan:
    """The plan of an audit from one protocol to another.

    Args:
        other: the images of the second side, None for the same ones.
        protocols: ids or files.

    Raises:
        UserError: whatever would fail later fails here.
    """
    start, end = (load_protocol(name) for name in protocols)
    case = make_case(
        cell, cell.side(synthetic, start), cell.side(synthetic if other is None else other, end), order=order
    )
    design = make_design(case.keys, seeds=seeds, exact_up_to=exact_up_to, permutations=permutations)
    return plan_audit(case, design, published=published)


def prepare_rectification(
    cell: Cell, methods: Sequence[tuple[Synthetic, str]], common: str, *, seeds: int
) -> RectifyPlan:
    """The plan of a rectification: each synthetic with its own protocol, and the protocol for all."""
    shared = load_protocol(common)
    pairs = [(cell.side(synthetic, load_protocol(name)), cell.side(synthetic, shared)) for synthetic, name in methods]
    return plan_rectification(cell, pairs, seeds=seeds)


def write_audit(found: Facts, records: Iterable[Record], folder: Path) -> Path:
    """Write `audit.json` and the records that it was made of; returns the file."""
    for record in records:
        write_atomic(folder / "records" / f"{record.fingerprint}.json", record.model_dump_json(indent=1))
    write_atomic(folder / RESULT, found.model_dump_json(indent=1))
    return folder / RESULT
