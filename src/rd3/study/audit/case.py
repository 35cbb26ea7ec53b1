"""A case to be audited: two sides, what they differ in, and the run for every mixture of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rd3.base.errors import UserError
from rd3.scores.attribution import Coalition
from rd3.study.audit.cell import Cell, Side
from rd3.study.audit.factors import IMAGES, Factor, differing, in_order, switches_images
from rd3.study.audit.inert import aligned
from rd3.study.audit.merge import merge
from rd3.study.audit.mixture import Mixer
from rd3.study.jobs.run import RunJob
from rd3.study.labellers import labellers


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
        factors = _chosen(self.factors, switched)
        protocol = _mixer(self.cell, self.start, self.end).protocol(factors)
        return self.cell.run(self.end if switches_images(factors) else self.start, protocol, replicate)


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
    flags = _unlabelled_flags(cell, start, end)
    start, end = (
        replace(start, settings=aligned(start.settings, end.settings), flags=(*start.flags, *flags)),
        replace(end, settings=aligned(end.settings, start.settings)),
    )
    found = differing(start.settings, end.settings)
    if start.images != end.images:
        found = (*found, IMAGES)
    factors, reasons = merge(found, lambda switched: _refusal(cell, start, end, _chosen(found, switched)))
    return Case(cell, start, end, in_order(factors, order), reasons)


def _unlabelled_flags(cell: Cell, start: Side, end: Side) -> list[tuple[str, str]]:
    """What is said where one set brings soft labels and the other's images take its place under static labels."""
    sets = {side.images: side.synthetic for side in (start, end)}
    bare = [one.manifest.method for one in sets.values() if one.soft_labels is None]
    static = [side for side in (start, end) if side.settings.labels == "static"]
    if len(bare) != 1 or len(sets) == 1 or not static or not cell.teachers:
        return []
    names = dict.fromkeys(", ".join(each.name for each in labellers(s.settings, cell.teachers)) for s in static)
    return [(bare[0], f"brings no soft labels: under static labels its images are labelled by {' or '.join(names)}")]


def _chosen(factors: Sequence[Factor], keys: Coalition) -> list[Factor]:
    return [factor for factor in factors if factor.key in keys]


def _refusal(cell: Cell, start: Side, end: Side, switched: Sequence[Factor]) -> str | None:
    """Why the start with some factors as at the end cannot be run, or None."""
    mixer = _mixer(cell, start, end)
    side = end if switches_images(switched) else start
    return mixer.refusal(switched) or cell.unlabelled(side.synthetic, mixer.settings(switched))


def _mixer(cell: Cell, start: Side, end: Side) -> Mixer:
    return Mixer(cell.target, start.ipc, cell.student, start.settings, end.settings)
