"""Protocols between two protocols: some factors as the one has them, the rest as the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.data.target import Target
from rd3.evaluation.protocol import Protocol, ProtocolField
from rd3.evaluation.settings import Settings
from rd3.study.audit.factors import Factor
from rd3.study.audit.inert import neutral
from rd3.study.labellers import Labeller
from rd3.study.records import ProtocolMark

AUDIT = "audit"  # the protocol's id of every run of every audit: it enters the seed, so they all share their seeds
REASON = "an audit's mixture of two protocols"


def is_mixture(mark: ProtocolMark) -> bool:
    """Whether a run was made by an audit, and so stands in no ranking."""
    return mark.id == AUDIT and mark.purpose == "reference"


@dataclass(frozen=True)
class Mixer:
    """The protocols between `start` and `end` for one cell."""

    target: Target
    ipc: int | None
    student: str
    start: Settings
    end: Settings

    def protocol(self, switched: Iterable[Factor]) -> Protocol:
        """`start` with some factors as in `end`, and what is inert there at its default: so equal runs are one.

        Raises:
            UserError: the values do not go together.
        """
        protocol = protocol_of(neutral(self.settings(switched)).as_json())
        protocol.resolve(self.target, self.ipc, self.student)
        return protocol

    def settings(self, switched: Iterable[Factor]) -> Settings:
        """The settings of that protocol, before what is inert is left out."""
        return parse(Settings, self._values(switched), where=f"protocol {AUDIT}")

    def _values(self, switched: Iterable[Factor]) -> dict[str, Any]:
        fields = {name for factor in switched for name in factor.fields}
        start, end = self.start.as_json(), self.end.as_json()
        return {name: end[name] if name in fields else start[name] for name in start}

    def refusal(self, switched: Iterable[Factor]) -> str | None:
        """Why that mixture cannot be run, or None."""
        try:
            self.protocol(switched)
        except UserError as error:
            return str(error).removeprefix(f"protocol {AUDIT}: ")
        return None


def protocol_of(values: dict[str, Any]) -> Protocol:
    """A protocol of these settings, for audits alone."""
    return Protocol(
        id=AUDIT,
        version=1,
        title=REASON,
        source="an audit",
        purpose="reference",
        not_rankable=REASON,
        fields={name: ProtocolField(value=value, provenance="inferred", note=REASON) for name, value in values.items()},
    )


def comparable(settings: Settings, teachers: Sequence[Labeller]) -> Settings:
    """The same with everything that changes no number made equal, so that only what matters differs.

    That is the number of looks at the test curve, the architectures that were asked for where others label, defaults
    of operations that one protocol writes out and another doesn't, and what other settings make inert (`inert`).

    Args:
        teachers: who labels; weights for another number of them are left out.
    """
    recipe = settings.recipe()
    weights = settings.teacher_weights if settings.soft else None
    return neutral(settings).model_copy(
        update={
            "checkpoints": 1,
            "teacher": _asked(teachers),
            "teacher_weights": weights if weights and len(weights) == len(teachers) else None,
            "augment": tuple(operation.as_json() for operation in recipe.augment),
            "mix": recipe.mix.as_json() if recipe.mix is not None else None,
        }
    )


def _asked(teachers: Sequence[Labeller]) -> str | tuple[str, ...] | None:
    names = tuple(teacher.name for teacher in teachers)
    return names if len(names) > 1 else names[0] if names else None
