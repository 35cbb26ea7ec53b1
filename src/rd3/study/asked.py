"""Which protocols a study asks for, and which of its methods are judged under each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rd3.base.errors import UserError
from rd3.evaluation.files import load_protocol
from rd3.evaluation.protocol import Protocol
from rd3.study.records import NOTHING
from rd3.study.spec import MethodEntry, StudySpec

RANDOM = "random"


@dataclass(frozen=True)
class Asked:
    """A protocol and who is judged under it.

    Attributes:
        methods: places in `entries_of`; None for all of them.
    """

    protocol: Protocol
    methods: frozenset[int] | None

    def asks(self, place: int) -> bool:
        return self.methods is None or place in self.methods

    def also(self, other: Asked) -> Asked:
        """The same protocol for the methods of both."""
        if self.methods is None or other.methods is None:
            return Asked(self.protocol, None)
        return Asked(self.protocol, self.methods | other.methods)


def entries_of(study: StudySpec) -> tuple[MethodEntry, ...]:
    """The study's methods, with random images among them: the reference that stands beside every method."""
    if any(entry.name == RANDOM for entry in study.methods):
        return study.methods
    return (*study.methods, MethodEntry(name=RANDOM))


def asked_protocols(study: StudySpec) -> list[Asked]:
    """Every protocol of the study and all that their scores need, each once.

    Raises:
        UserError: an unknown protocol, one that only serves the scores of others, or two with one id.
    """
    found: dict[str, Asked] = {}
    for name in study.all_protocols:
        methods = None if name in study.protocols else _who_name(study, name)
        for protocol in _with_counterparts(name, study):
            new = Asked(protocol, methods)
            known = found.setdefault(protocol.id, new)
            if known.protocol.hash != protocol.hash:
                raise UserError(f"two protocols have the id {protocol.id}; give one of the files another")
            found[protocol.id] = known.also(new)
    return list(found.values())


def _who_name(study: StudySpec, protocol: str) -> frozenset[int]:
    """The methods that a protocol is for, and random images."""
    entries = enumerate(entries_of(study))
    return frozenset(place for place, entry in entries if protocol in entry.protocols or entry.name == RANDOM)


def _with_counterparts(name: str, study: StudySpec) -> Iterable[Protocol]:
    protocol = ranking_protocol(name)
    scored = study.scores is None or name in study.scores
    return (protocol, *counterparts(protocol, study.whole)) if scored else (protocol,)


def counterparts(protocol: Protocol, whole: str | None) -> list[Protocol]:
    """Those that HLR, LRS and ARS of `protocol` need besides itself."""
    names = [protocol.counterparts.hard, protocol.counterparts.plain, whole or protocol.counterparts.whole]
    return [load_protocol(str(name)) for name in names if name not in (None, NOTHING)]


def ranking_protocol(name: str) -> Protocol:
    """A protocol that methods are ranked and scored under.

    Raises:
        UserError: it only serves the scores of others.
    """
    protocol = load_protocol(name)
    if protocol.purpose != "ranking":
        raise UserError(f"protocol {protocol.id} only serves the scores of others; name the one that it serves")
    return protocol
