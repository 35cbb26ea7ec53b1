"""A case to be audited: two sides, what they differ in, and the run for every mixture of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.scores.attribution import Coalition
from rd3.study.audit.cell import Cell, Side
from rd3.study.audit.factors import IMAGES, Factor, differing, in_order
from rd3.study.audit.merge import merge
from rd3.study.audit.mixture import Mixer
from rd3.study.jobs.run import RunJob


@dataclass(frozen=True)
class Case:
    """Two sides in one cell.

    Attributes:
        factors: what they differ in, in the order of the ladder.
        reasons: why factors that were merged go together, by key.
    """

    cell: Cell
    start: Side
    end: Side
    factors: tuple[Factor, ...]
    reasons: dict[str, str]

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(factor.key for factor in self.factors)

    def job(self, switched: Coalition, replicate: int) -> RunJob:
        """The run with these factors as on the end's side."""
        side = self.end if IMAGES.key in switched else self.start
        factors = [factor for factor in self.factors if factor.key in switched]
        return self.cell.run(side, _mixer(self.cell, self.start, self.end).protocol(factors), replicate)


def make_case(cell: Cell, start: Side, end: Side, *, order: Sequence[str] = ()) -> Case:
    """Find out what two sides differ in, and which of it can be switched alone.

    Args:
        order: keys of factors, in the order of the ladder; the others follow.

    Raises:
        UserError: the two synthetics are not of one size, or an unknown factor.
    """
    if start.ipc != end.ipc:
        raise UserError(
            f"IPC {start.ipc} against IPC {end.ipc}: only synthetics of one size share their seeds and can be compared"
        )
    mixer = _mixer(cell, start, end)
    found = differing(start.settings, end.settings)
    by_key = {factor.key: factor for factor in found}
    factors, reasons = merge(found, lambda switched: mixer.refusal([by_key[key] for key in switched]))
    if start.images != end.images:
        factors = (*factors, IMAGES)
    return Case(cell, start, end, in_order(factors, order), reasons)


def _mixer(cell: Cell, start: Side, end: Side) -> Mixer:
    return Mixer(cell.target, start.ipc, cell.student, start.settings, end.settings)
