"""A protocol: a locked post-evaluation recipe with the provenance of every value.

It holds one entry per field of `Settings`: a `value`, or `cases` tried in order, each with what it is `when`. Values
decide numbers and are hashed; provenance, sources, notes and titles are for people and are not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticUndefined, to_jsonable_python

from rd3.base.errors import UserError, suggestion
from rd3.base.spec import Spec, fingerprint_of, parse
from rd3.data.facts import TargetFacts
from rd3.data.target import Target
from rd3.evaluation.conditions import Cell, When
from rd3.evaluation.settings import FIRST_FIELDS, PEEKED, Settings
from rd3.training.augment.base import parse_augmentation
from rd3.training.mix import MIXES, parse_mix

NO_NUMBER = {"checkpoints"}  # settings that change no number
UNSET = PydanticUndefined
PROVENANCE = Literal["stated", "code", "inferred", "unverified"]


class Case(Spec):
    """A value and when it holds; where it comes from, if that differs from the rest of its field.

    Attributes:
        variant: the variant of the protocol that it was written for, or an empty string; for people.
    """

    value: Any
    when: When = When()
    variant: str = ""
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

    def case(self, target: Target | TargetFacts, ipc: int | None, student: str) -> Case | None:
        """The case that decides in a cell, None where none holds."""
        return next((case for case in self.written() if case.when.holds(target, ipc, student)), None)

    def resolve(self, target: Target | TargetFacts, ipc: int | None, student: str) -> Any:
        """The value for a cell, `UNSET` where no case holds."""
        case = self.case(target, ipc, student)
        return UNSET if case is None else case.value

    def cell_of(self, case: Case) -> Cell:
        """A cell in which a case decides; only one in which it holds, where those that papers use have another."""
        deciding = (cell for cell in case.when.examples() if self.cases is None or self.case(*cell) is case)
        return next(deciding, None) or next(case.when.examples())

    def written(self) -> tuple[Case, ...]:
        """Its cases; a value without conditions is a case that always holds."""
        return (Case(value=self.value),) if self.cases is None else self.cases

    def changed(self, change: Callable[[Any], Any]) -> ProtocolField:
        """The same with every value that it can resolve to replaced by `change(value)`."""
        if self.cases is None:
            return self.model_copy(update={"value": change(self.value)})
        cases = tuple(case.model_copy(update={"value": change(case.value)}) for case in self.cases)
        return self.model_copy(update={"cases": cases})

    def hashed(self) -> Any:
        """What enters the hash: operations with their defaults written out, so that a new default shows."""
        if self.cases is None:
            return _written_out(self.value)
        return [{"when": case.when.hashed(), "value": _written_out(case.value)} for case in self.cases]


class Uncovered(Spec):
    """Cells that neither paper nor code say anything about: what stands there is inferred; for people.

    Attributes:
        fields: the settings that it is said of; none are all.
        ipc_other_than: images per class that are covered all the same.
    """

    note: str
    when: When = When()
    fields: tuple[str, ...] = ()
    ipc_other_than: tuple[int, ...] = ()

    def concern(self, name: str, cell: Cell) -> bool:
        """Whether they hold a cell, and it is said of a setting."""
        return name in (self.fields or (name,)) and cell.ipc not in self.ipc_other_than and self.when.holds(*cell)


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
        group: heading under which it is listed.
        variants: names of the conditions that its fields give values `by`; for people, the cases hold them in full.
        uncovered: cells in which its `stated` values and those of the `code` are in truth inferred.
        purpose: `ranking`, or `reference` for protocols that only serve the scores of others.
        not_rankable: why numbers under it must not stand beside those of the protocol it derives from, or None.
        peek: which epochs `+test-peek` takes the best of.
        hard_without_batch_augmentation: whether its hard-label counterpart leaves out mixing and DSA.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*(\+[a-z0-9.-]+)*$")
    version: int = Field(gt=0)
    title: str
    source: str
    note: str = ""
    group: str = ""
    variants: dict[str, When] = Field(default_factory=dict)
    uncovered: tuple[Uncovered, ...] = ()
    purpose: Literal["ranking", "reference"] = "ranking"
    not_rankable: str | None = None
    counterparts: Counterparts = Counterparts()
    peek: Literal["best", "best-last20"] = "best"
    hard_without_batch_augmentation: bool = False
    fields: dict[str, ProtocolField]

    @model_validator(mode="after")
    def _known_fields(self) -> Protocol:
        for name in (*self.fields, *(name for cells in self.uncovered for name in cells.fields)):
            if name not in Settings.model_fields:
                raise ValueError(f"unknown field '{name}'{suggestion(name, Settings.model_fields)}")
        return self

    def vouched(self, name: str, cell: Cell) -> tuple[str, str]:
        """Provenance of a field's value in a cell, and the note where it is because nobody covers the cell."""
        field = self.fields[name]
        case = field.case(*cell)
        provenance = (case.provenance if case else None) or field.provenance
        if provenance in ("stated", "code"):
            notes = [cells.note for cells in self.uncovered if cells.concern(name, cell)]
            return ("inferred", notes[0]) if notes else (provenance, "")
        return provenance, ""

    def check(self, where: str) -> None:
        """Refuse a value that no cell could use, whichever case it is in.

        Raises:
            UserError: one line that names `where`, the field and what is allowed.
        """
        given = {name: [case.value for case in field.written()] for name, field in self.fields.items()}
        usual = {name: values[0] for name, values in given.items()}  # where a field says nothing for a cell
        peeks = set(given.get("report", [])) - {"last"} or "test-peek" in given.get("selection", [])
        if peeks and self.not_rankable is None:
            raise UserError(f"{where}: it chooses on the test split, so not_rankable must say so")
        if "random" in given.get("lr_search_for", []) and self.not_rankable is None:
            raise UserError(f"{where}: it searches rates for random images only, so not_rankable must say so")
        for name, field in self.fields.items():
            for case in field.written():
                values = {**usual, **self._found(*field.cell_of(case)), name: case.value}
                parse(Settings, values, where=where).recipe(where)

    def _found(self, target: Target | TargetFacts, ipc: int | None, student: str) -> dict[str, Any]:
        """The values that hold in a cell."""
        found = {name: field.resolve(target, ipc, student) for name, field in self.fields.items()}
        return {name: value for name, value in found.items() if value is not UNSET}

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

    def resolve(self, target: Target | TargetFacts, ipc: int | None, student: str) -> tuple[Settings, tuple[str, ...]]:
        """The settings for one cell, and flags for what had to give way to the target.

        Args:
            ipc: images per class, or None for the whole target.

        Raises:
            UserError: the values do not go together.
        """
        values = self._found(target, ipc, student)
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
            flags.append(f"{PEEKED}: for comparison only")
        return settings, tuple(flags)


def _written_out(value: Any) -> Any:
    if isinstance(value, list):
        return [_written_out(each) for each in value]
    if isinstance(value, dict) and "kind" in value:
        parsed = parse_mix(value) if value["kind"] in MIXES else parse_augmentation(value)
        return parsed.as_json()
    return value
