"""Where an audit happens: one target, one student, one set of teachers for all sides."""

from __future__ import annotations

from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.evaluation.protocol import Protocol
from rd3.evaluation.scaling import scaled
from rd3.evaluation.settings import Settings
from rd3.study.audit.mixture import comparable
from rd3.study.bench import input_of, ipc_of
from rd3.study.jobs.run import RunJob, form_flags, run_job
from rd3.study.jobs.run_record import pixel_flags, rate_flags
from rd3.study.labellers import Labeller, labellers, strangers
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.check import check


@dataclass(frozen=True)
class Side:
    """One synthetic under one protocol.

    Attributes:
        settings: the protocol's for the cell, made comparable (see `mixture.comparable`).
        flags: what had to give way, each with the protocol or the synthetic that it concerns.
    """

    synthetic: Synthetic
    protocol: Protocol
    settings: Settings
    flags: tuple[tuple[str, str], ...] = ()

    @property
    def images(self) -> str:
        return self.synthetic.manifest.fingerprint

    @property
    def ipc(self) -> int:
        return ipc_of(self.synthetic)


@dataclass(frozen=True)
class Cell:
    """What all sides of an audit share.

    Attributes:
        teachers: who may label; a protocol that asks for one takes the first, one that asks for a pool takes all.
        epochs_scale: what the epochs of every protocol are multiplied by.
    """

    target: Target
    student: str
    teachers: tuple[Labeller, ...]
    epochs_scale: float = 1.0

    def side(self, synthetic: Synthetic, protocol: Protocol) -> Side:
        """A synthetic under a protocol.

        Raises:
            UserError: the synthetic does not fit the target, or the protocol needs a teacher and there is none.
        """
        settings, gave_way = protocol.resolve(self.target, ipc_of(synthetic), self.student)
        missing = self.unlabelled(synthetic, settings)
        if missing is not None:
            raise UserError(f"protocol {protocol.id} {missing}")
        warnings = check(synthetic, self.target)
        if synthetic.ipc is None:
            warnings.append(f"unbalanced, taken for IPC {ipc_of(synthetic)}")
        flags = [(synthetic.manifest.method, warning) for warning in warnings]
        flags += [(synthetic.manifest.method, flag) for flag in _set_flags(synthetic, settings)]
        labelling = labellers(settings, self.teachers)
        strange = () if _brings_labels(synthetic, settings) else self._teacher_flags(settings)
        flags += [(protocol.id, flag) for flag in (*gave_way, *strange)]
        settings = comparable(scaled(settings, self.epochs_scale), labelling)
        return Side(synthetic, protocol, settings, tuple(flags))

    def run(self, side: Side, protocol: Protocol, replicate: int) -> RunJob:
        """The run of a side's images under a mixture; the seed is the same for all images and mixtures."""
        return run_job(
            self.target,
            protocol,
            input_of(side.synthetic),
            student=self.student,
            replicate=replicate,
            teachers=self.teachers,
        )

    def unlabelled(self, synthetic: Synthetic, settings: Settings) -> str | None:
        """Why nobody could label this synthetic under these settings, or None."""
        if not settings.soft or self.teachers or _brings_labels(synthetic, settings):
            return None
        return "labels with a teacher, and none was given"

    def _teacher_flags(self, settings: Settings) -> list[str]:
        given, weights = [teacher.name for teacher in labellers(settings, self.teachers)], settings.teacher_weights
        flags = strangers(settings, "it", given)
        if given and weights and len(weights) != len(given):
            flags.append(f"weights of {len(weights)} teachers left out: {len(given)} given")
        return flags


def _brings_labels(synthetic: Synthetic, settings: Settings) -> bool:
    """Whether a set is learned from with soft labels of its own."""
    return settings.labels == "static" and synthetic.soft_labels is not None


def _set_flags(synthetic: Synthetic, settings: Settings) -> list[str]:
    """What a run's record says of the set's own soft labels and of its learned rate, as audits have it."""
    given = input_of(synthetic)
    flags = form_flags(given.own_labels, given) if _brings_labels(synthetic, settings) else []
    return [*flags, *_rate_flags(synthetic, settings), *pixel_flags(settings, synthetic)]


def _rate_flags(synthetic: Synthetic, settings: Settings) -> list[str]:
    """Where a protocol searches rates, `rd3 score` adds the learned one, and audits do not."""
    if settings.lr_search_for == "random" and settings.lr_search:
        return []  # then a set has the rate that it learned
    return [
        f"{flag}; scores add it, audits do not" if settings.lr_search else flag
        for flag in rate_flags(settings, synthetic)
    ]
