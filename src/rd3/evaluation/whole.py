"""How the whole target is trained in the evaluation pipeline of a protocol, so that HLR compares within one.

Test images of both are normalised, resized and whitened alike (DD-Ranking's full-data runs keep their own). Protocols
with the same pipeline share the result and with it the stored trainings: its id is made of the base's and of what the
pipeline says.
"""

from __future__ import annotations

from typing import Any

from rd3.base.spec import fingerprint_of
from rd3.evaluation.protocol import Case, Protocol, ProtocolField
from rd3.evaluation.settings import Settings

PIPELINE = ("normalisation", "validation_resize", "zca")
LATER = ("zca_kind",)  # part of it only where a protocol names it: older ids did not know it
NOTE = "as in the protocols that it serves, so that HLR compares within one pipeline"


def in_pipeline_of(protocol: Protocol, base: Protocol) -> Protocol:
    """`base` with the pipeline of `protocol`: under the id `BASE-XXXXXX`; `base` itself where it has that."""
    fields = {
        name: _field(protocol, name) for name in (*PIPELINE, *(name for name in LATER if name in protocol.fields))
    }
    said = {name: field.hashed() for name, field in fields.items()}
    if said == {name: _field(base, name).hashed() for name in fields}:
        return base
    return base.model_copy(
        update={
            "id": f"{base.id}-{fingerprint_of('pipeline', said)[:6]}",
            "title": f"{base.title}, in another evaluation pipeline",
            "note": " ".join(filter(None, (base.note, "Normalisation, validation resize and ZCA are not its own."))),
            "fields": {**base.fields, **fields},
        }
    )


def _field(protocol: Protocol, name: str) -> ProtocolField:
    """What a protocol says of a setting, whoever vouches for it and in as few cases as it takes."""
    given = protocol.fields.get(name)
    default: Any = Settings.model_fields[name].default
    cases = [Case(value=default)] if given is None else _needed(given.written())
    if len(cases) == 1 and not _conditions(cases[0]):
        return ProtocolField(value=cases[0].value, provenance="inferred", note=NOTE)
    return ProtocolField(cases=tuple(cases), provenance="inferred", note=NOTE)


def _needed(cases: tuple[Case, ...]) -> list[Case]:
    """Without those that the next one covers with the same value."""
    needed: list[Case] = []
    for case in reversed(cases):
        after = needed[-1] if needed else None
        if after is None or after.value != case.value or not _conditions(after).items() <= _conditions(case).items():
            needed.append(Case(value=case.value, when=case.when))
    return needed[::-1]


def _conditions(case: Case) -> dict[str, Any]:
    return case.when.model_dump(exclude_none=True)
