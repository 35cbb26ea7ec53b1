"""A protocol: a locked post-evaluation recipe with the provenance of every value.

It holds one entry per field of `Settings`: a `value`, or `cases` tried in order, each with what it is `when`. Values
decide numbers and are hashed; provenance, sources, notes and titles are for people and are not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticUndefined, to_jsonable_python

from rd3.base.errors import UserError, suggestion
from rd3.base.spec import Spec, fingerprint_of, parse
from rd3.data.target import Target
from rd3.evaluation.settings import FIRST_FIELDS, Settings
from rd3.training.augment.base import parse_augmentation
from rd3.training.mix import MIXES, parse_mix

NO_NUMBER = {"checkpoints"}  # settings that change no number
UNSET = PydanticUndefined
PROVENANCE = Literal["stated", "code", "inferred", "unverified"]


class When(Spec):
    """Conditions of a case; all that are given must hold. Names are shell patterns."""

    target: tuple[str, ...] | None = None
    student: tuple[str, ...] | None = None
    size_min: int | None = None
    size_max: int | None = None
    ipc_min: int | None = None
    ipc_max: int | None = None

    def holds(self, target: Target, ipc: int | None, student: str) -> bool:
        images = ipc if ipc is not None else 10**9
        return (
            (self.target is None or any(fnmatch(target.name, pattern) for pattern in self.target))
            and (self.student is None or any(fnmatch(student, pattern) for pattern in self.student))
            and (self.size_min or 0) <= target.size <= (self.size_max or 10**9)
            and (self.ipc_min or 0) <= images <= (self.ipc_max or 10**9)
        )


class Case(Spec):
    """A value and when it holds; where it comes from, if that differs from the rest of its field."""

    value: Any
    when: When = When()
    provenance: PROVENANCE | None = None
    source: str = ""
    note: str = ""


class ProtocolField(Spec):
    """One setting of a protocol.

    Attributes:
        provenance: `stated` by the paper, read in its `code`, `inferred` by us with the reason in `note`, or
            `unverified`.
        source: paper, repository or file that the value comes from, where the protocol's own source is not it.
    """

    value: Any = None
    cases: tuple[Case, ...] | None = Field(default=None, min_length=1)
    provenance: PROVENANCE
    source: str = ""
    note: str = ""

    def resolve(self, target: Target, ipc: int | None, student: str) -> Any:
        """The value for a cell, `UNSET` where no case holds."""
        if self.cases is None:
            return self.value
        return next((case.value for case in self.cases if case.when.holds(target, ipc, student)), UNSET)

    def changed(self, change: Callable[[Any], Any]) -> ProtocolField:
        """The same with every value that it can resolve to replaced by `change(value)`."""
        if self.cases is None:
            return self.model_copy(update={"value": change(self.value)})
        cases = tuple(case.model_copy(update={"value": change(case.value)}) for case in self.cases)
        return self.model_copy(update={"cases": cases})

    def possible(self) -> list[Any]:
        """Every value that it can resolve to for some target."""
        return [self.value] if self.cases is None else [case.value for case in self.cases]

    def hashed(self) -> Any:
        """What enters the hash: operations with their defaults written out, so that a new default shows."""
        if self.cases is None:
            return _written_out(self.value)
        return [{"when": case.when.model_dump(), "value": _written_out(case.value)} for case in self.cases]


class Counterparts(Spec):
    """Protocols whose runs the scores of this one need.

    Attributes:
        hard: the same with hard labels (for HLR); None when it is itself hard.
        plain: the same without augmentation and mixing (for ARS).
        whole: how the whole target is trained (for HLR).
    """

    hard: str | None = None
    plain: str | None = None
    whole: str | None = None


class Protocol(Spec):
    """A post-evaluation protocol; `hash` changes with every value that can change a number.

    Attributes:
        purpose: `ranking`, or `reference` for protocols that only serve the scores of others.
        not_rankable: why numbers under it must not stand beside those of the protocol it derives from, or None.
        hard_without_batch_augmentation: whether its hard-label counterpart leaves out mixing and DSA.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*(\+[a-z0-9.-]+)*$")
    version: int = Field(gt=0)
    title: str
    source: str
    note: str = ""
    purpose: Literal["ranking", "reference"] = "ranking"
    not_rankable: str | None = None
    counterparts: Counterparts = Counterparts()
    hard_without_batch_augmentation: bool = False
    fields: dict[str, ProtocolField]

    @model_validator(mode="after")
    def _known_fields(self) -> Protocol:
        for name in self.fields:
            if name not in Settings.model_fields:
                raise ValueError(f"unknown field '{name}'{suggestion(name, Settings.model_fields)}")
        return self

    def check(self, where: str) -> None:
        """Refuse a value that no cell could use, whichever case it is in.

        Raises:
            UserError: one line that names `where`, the field and what is allowed.
        """
        possible = {name: field.possible() for name, field in self.fields.items()}
        peeks = set(possible.get("report", [])) - {"last"} or "test-peek" in possible.get("selection", [])
        if peeks and self.not_rankable is None:
            raise UserError(f"{where}: it chooses on the test split, so not_rankable must say so")
        if "random" in possible.get("lr_search_for", []) and self.not_rankable is None:
            raise UserError(f"{where}: it searches rates for random images only, so not_rankable must say so")
        usual = {name: values[0] for name, values in possible.items()}
        for name, values in possible.items():
            for value in values:
                parse(Settings, {**usual, name: value}, where=where).recipe(where)

    @property
    def hash(self) -> str:
        defaults = {name: field.default for name, field in Settings.model_fields.items()}
        values = {name: value for name, value in defaults.items() if value is not PydanticUndefined}
        values |= {name: field.hashed() for name, field in self.fields.items()}
        values = {name: to_jsonable_python(value) for name, value in values.items() if name not in NO_NUMBER}
        for name in values.keys() - FIRST_FIELDS:  # a switch that is off is as if it did not exist
            if values[name] == to_jsonable_python(defaults[name]):
                del values[name]
        return fingerprint_of("protocol", {"id": self.id, "version": self.version, "values": values})

    def resolve(self, target: Target, ipc: int | None, student: str) -> tuple[Settings, tuple[str, ...]]:
        """The settings for one cell, and flags for what had to give way to the target.

        Args:
            ipc: images per class, or None for the whole target.

        Raises:
            UserError: the values do not go together.
        """
        found = {name: field.resolve(target, ipc, student) for name, field in self.fields.items()}
        values = {name: value for name, value in found.items() if value is not UNSET}
        flags = []
        if not target.flip_keeps_class:
            operations = [parse_augmentation(operation) for operation in values.get("augment") or ()]
            kept = [operation.without_flip() for operation in operations]
            if kept != operations:
                values["augment"] = [operation.as_json() for operation in kept if operation is not None]
                flags.append(f"flip left out: it does not keep the classes of {target.name}")
        if values.get("normalisation") != "target" and target.channels != 3:
            flags.append(f"normalised with the target's statistics: {values.get('normalisation')} is of three channels")
            values["normalisation"] = "target"
        settings = parse(Settings, values, where=f"protocol {self.id}")
        if settings.soft != settings.recipe().loss.needs_teacher:
            raise UserError(
                f"protocol {self.id}: labels = {settings.labels} do not go with loss = {settings.loss};"
                " ce takes hard labels, the other losses take soft ones"
            )
        if settings.peeks:
            flags.append("chosen on the test split: for comparison only")
        return settings, tuple(flags)

    def card(self) -> list[dict[str, str]]:
        """One row a field: name, value, provenance, note; for people."""
        return [
            {"name": name, "value": _readable(field), "provenance": field.provenance, "note": field.note}
            for name, field in self.fields.items()
        ]


def _written_out(value: Any) -> Any:
    if isinstance(value, list):
        return [_written_out(each) for each in value]
    if isinstance(value, dict) and "kind" in value:
        parsed = parse_mix(value) if value["kind"] in MIXES else parse_augmentation(value)
        return parsed.as_json()
    return value


def _readable(field: ProtocolField) -> str:
    if field.cases is None:
        return _plain(field.value)
    parts = []
    for case in field.cases:
        conditions = case.when.model_dump(exclude_none=True)
        words = ", ".join(f"{key} {_plain(value)}" for key, value in conditions.items())
        parts.append(f"{_plain(case.value)} ({words or 'otherwise'})")
    return "; ".join(parts)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
