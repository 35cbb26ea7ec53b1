"""A protocol for people: what it is, one line a setting with where its value comes from, and how two differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from pydantic_core import PydanticUndefined

from rd3.evaluation.conditions import Cell, When
from rd3.evaluation.protocol import Case, Protocol, ProtocolField, Uncovered
from rd3.evaluation.settings import Settings
from rd3.evaluation.words import OTHERWISE, conditions_in_words, value_in_words

GROUPS = {
    "rd3": "RD3's common protocol and its variants",
    "method": "The methods' own recipes",
    "code": "The same as the released code runs, quirks and all; not rankable",
    "dd-ranking": "DD-Ranking's settings",
    "dd-ranking-code": "The same as DD-Ranking 0.2.0 runs them; not rankable",
    "reference": "References that scores need; not ranked themselves",
    "": "Others",
}


@dataclass(frozen=True)
class Line:
    """One setting.

    Attributes:
        value: in words; with cases, one case a line.
        source: where the value comes from, empty where it is the protocol's own source.
    """

    name: str
    value: str
    provenance: str = ""
    source: str = ""
    note: str = ""


@dataclass(frozen=True)
class Difference:
    """A setting that two protocols do not share."""

    name: str
    left: str
    right: str


def facts(protocol: Protocol) -> dict[str, str]:
    """What a protocol is, by the name of the fact."""
    named = protocol.counterparts.model_dump(exclude_none=True)
    limit = why_not_rankable(protocol)
    variants = [f"{name}: {conditions_in_words(when)}" for name, when in protocol.variants.items()]
    return {
        "protocol": f"{protocol.id}, version {protocol.version}, hash {protocol.hash}",
        "title": protocol.title,
        "source": protocol.source,
        "note": protocol.note,
        "rankable": f"no: {limit}" if limit else "yes",
        "counterparts": ", ".join(f"{role} {name}" for role, name in named.items()) or "none",
        "variants": "\n".join(variants),
        "inferred": "\n".join(_uncovered_in_words(cells) for cells in protocol.uncovered),
    }


def why_not_rankable(protocol: Protocol) -> str | None:
    """Why numbers under it are not ranked; None where they are."""
    return "it only serves the scores of others" if protocol.purpose == "reference" else protocol.not_rankable


def lines(protocol: Protocol) -> list[Line]:
    """One line a field, with all of its cases."""
    return [
        Line(name, _cases_in_words(protocol, field), field.provenance, field.source, _notes(protocol, field))
        for name, field in protocol.fields.items()
    ]


def resolved_lines(protocol: Protocol, cell: Cell) -> tuple[list[Line], tuple[str, ...]]:
    """One line a field with its value in a cell, and flags for what had to give way to the target.

    Raises:
        UserError: the values do not go together there.
    """
    settings, flags = protocol.resolve(*cell)
    found = {name: (field, field.case(*cell)) for name, field in protocol.fields.items()}
    vouched = {name: protocol.vouched(name, cell) for name in found}
    return [
        Line(
            name,
            value_in_words(getattr(settings, name)),
            vouched[name][0],
            (case.source if case else "") or field.source,
            "; ".join(filter(None, (vouched[name][1], case.note if case else "", field.note))),
        )
        for name, (field, case) in found.items()
    ], flags


def remark(line: Line) -> str:
    """Note and source of a setting in one text."""
    return "; ".join(filter(None, (line.note, line.source and f"from {line.source}")))


def differences(left: Protocol, right: Protocol, cell: Cell | None = None) -> list[Difference]:
    """The settings in which two protocols differ; with a cell, only those that differ there.

    Raises:
        UserError: the values of one do not go together in the cell.
    """
    if cell is not None:
        found = [protocol.resolve(*cell)[0] for protocol in (left, right)]
        texts = [{name: value_in_words(getattr(one, name)) for name in Settings.model_fields} for one in found]
    else:
        texts = [{name: _in_words(one, name) for name in Settings.model_fields} for one in (left, right)]
    own, other = texts
    return [Difference(name, own[name], other[name]) for name in own if own[name] != other[name]]


def _uncovered_in_words(cells: Uncovered) -> str:
    ipc = f"IPC other than {', '.join(map(str, cells.ipc_other_than))}" if cells.ipc_other_than else ""
    where = conditions_in_words(cells.when) if cells.when != When() else ""
    return f"{' · '.join(filter(None, (where, ipc, ', '.join(cells.fields))))}: {cells.note}"


def _in_words(protocol: Protocol, name: str) -> str:
    if name in protocol.fields:
        return _cases_in_words(protocol, protocol.fields[name], marked=False)
    default = Settings.model_fields[name].default
    return "" if default is PydanticUndefined else value_in_words(default)


def _cases_in_words(protocol: Protocol, field: ProtocolField, *, marked: bool = True) -> str:
    """`marked`: whether a case shows its provenance where it is not the field's."""
    if field.cases is None:
        return value_in_words(field.value)
    labelled = _labelled(protocol, field)
    texts = [(label, value_in_words(case.value) + (_mark(field, case) if marked else "")) for label, case in labelled]
    if len({text for _, text in texts}) == 1:  # cases that differ in their notes alone
        return texts[0][1]
    return "\n".join(f"{label}: {text}" for label, text in texts)


def _mark(field: ProtocolField, case: Case) -> str:
    return f" [{case.provenance}]" if case.provenance not in (None, field.provenance) else ""


def _notes(protocol: Protocol, field: ProtocolField) -> str:
    own = [f"{label}: {case.note}" for label, case in _labelled(protocol, field) if case.note]
    return "; ".join(filter(None, (field.note, *own)))


def _labelled(protocol: Protocol, field: ProtocolField) -> Iterator[tuple[str, Case]]:
    """Every case with when it holds, in words; neighbouring variants that say the same are named together."""
    runs = [(name, list(cases)) for name, cases in groupby(field.written(), key=lambda case: case.variant)]
    for _, same in groupby(runs, key=lambda run: [_said(protocol, case) for case in run[1]]):
        alike = list(same)
        names = ", ".join(name for name, _ in alike if name in protocol.variants or name == OTHERWISE)
        cases = alike[0][1]
        for case in cases:
            own = _conditions(protocol, case)
            alone = len(cases) == 1 and own == OTHERWISE
            yield (names if names and alone else " · ".join(filter(None, (names, own)))), case


def _said(protocol: Protocol, case: Case) -> tuple[Any, ...]:
    """What a case says apart from which variant it is of."""
    return case.value, case.provenance, case.source, case.note, _conditions(protocol, case)


def _conditions(protocol: Protocol, case: Case) -> str:
    return conditions_in_words(case.when, protocol.variants.get(case.variant))
