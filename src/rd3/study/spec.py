"""A study file: a grid of targets, methods, IPC, protocols, students and seeds."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import ConfigDict, Field, field_validator, model_validator

from rd3.base.errors import UserError, unknown
from rd3.base.files import read_text
from rd3.base.spec import Spec, parse
from rd3.data.target import TargetSpec
from rd3.squeeze.brought_spec import Reading, model_of

SHIPPED = files("rd3.study.studies")


class TeacherEntry(Reading):
    """Which teacher a target is squeezed into, or brought for it.

    Attributes:
        model: its architecture; a zoo's source names it by itself.
        recipe: a name from the teacher recipes, None for the target's default.
        epochs: in place of the recipe's.
        source: `from` in a file: weights that exist, see `rd3.bring_teacher`; None to squeeze. The keys of `Reading`
            say how they are read.
        backbone: a state dict of that architecture, frozen under a new last layer (a linear probe).
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    model: str
    source: str | None = Field(default=None, alias="from")
    recipe: str | None = None
    epochs: int | None = Field(default=None, gt=0)
    seed: int = 0
    backbone: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _named_by_its_source(cls, values: Any) -> Any:
        """A source alone is an entry, and a zoo's names the architecture."""
        if isinstance(values, str):
            values = {"from": values}
        source = values.get("from", values.get("source")) if isinstance(values, dict) else None
        named = model_of(source) if isinstance(source, str) else None
        return values if named is None else {"model": named, **values}

    @model_validator(mode="after")
    def _squeezed_or_brought(self) -> Self:
        keys = {"recipe", "epochs", "seed", "backbone"} if self.source else set(Reading.model_fields)
        changed = [key for key in sorted(keys) if getattr(self, key) != type(self).model_fields[key].default]
        if changed and self.source:
            raise ValueError(f"{changed[0]}: is for a teacher that is squeezed; this one comes from {self.source}")
        if changed:
            raise ValueError(f"{changed[0]}: is for a teacher that is brought; say where from, with 'from'")
        return self

    def reading(self) -> dict[str, Any]:
        """How its weights are read."""
        return {key: getattr(self, key) for key in Reading.model_fields}


class MethodEntry(Spec):
    """A method with what is changed of its paper's settings.

    Attributes:
        teacher: the one that it alone distils from, in place of the study's; those of the study still label.
        protocols: what it is judged under besides the study's, alone or with others that name the same; the random
            images that it is compared with are judged under them too.
    """

    name: str
    teacher: TeacherEntry | None = None
    settings: dict[str, Any] = Field(default_factory=dict)
    protocols: tuple[str, ...] = ()


class StudySpec(Spec):
    """What a study file says.

    Attributes:
        name: names the folder of results.
        targets: as `rd3.load_target` takes them.
        teacher: squeezed once a target; the one that methods distil from, and the only one if no more are given.
        teachers: all that may label, the first of them `teacher`, which then need not be given.
        methods: names, or `{name: …, settings: {…}}`, or `{name: …, key: value}`; with `protocols: […]` those are
            for this method alone, with `teacher: {…}` it distils from one of its own.
        ipc: images per class.
        protocols: ids or files, for all methods; those that their scores need are added by themselves.
        scores: which of all protocols get what HLR, LRS and ARS need besides their own runs; None for all of them.
        students: architectures.
        seeds: replicates of every run.
        draws: independent syntheses of every method; replicate r judges draw r modulo this. Methods that draw anew for
            every replicate (random) always do.
        whole: the protocol that trains on the whole target, in place of the one the protocols name; `none` leaves it
            out, and HLR and LRS with it.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    note: str = ""
    targets: tuple[TargetSpec, ...] = Field(min_length=1)
    teacher: TeacherEntry
    teachers: tuple[TeacherEntry, ...] = Field(min_length=1)
    methods: tuple[MethodEntry, ...] = Field(min_length=1)
    ipc: tuple[int, ...] = Field(min_length=1)
    protocols: tuple[str, ...] = Field(min_length=1)
    students: tuple[str, ...] = Field(min_length=1)
    seeds: int = Field(default=3, gt=0)
    draws: int = Field(default=1, gt=0)
    whole: str | None = None
    scores: tuple[str, ...] | None = None

    @model_validator(mode="before")
    @classmethod
    def _first_teacher(cls, values: Any) -> Any:
        """Either of `teacher` and `teachers` gives the other."""
        if not isinstance(values, dict):
            return values
        if isinstance(values.get("teachers"), (list, tuple)) and values["teachers"]:
            return {"teacher": values["teachers"][0], **values}
        return {**values, "teachers": (values["teacher"],)} if "teacher" in values else values

    @model_validator(mode="after")
    def _one_first_teacher(self) -> Self:
        if self.teachers[0] != self.teacher:
            raise ValueError("teacher: is not the first of teachers; give one of the two keys")
        return self

    @model_validator(mode="after")
    def _scored_are_there(self) -> Self:
        strange = [name for name in self.scores or () if name not in self.all_protocols]
        if strange:
            raise ValueError(f"scores: no method is judged under '{strange[0]}'; it is not among protocols")
        return self

    @property
    def all_protocols(self) -> tuple[str, ...]:
        """Those of all methods, then those of single ones; each once."""
        own = (name for method in self.methods for name in method.protocols)
        return tuple(dict.fromkeys((*self.protocols, *own)))

    @property
    def pool(self) -> tuple[TeacherEntry, ...]:
        """All teachers, the one that methods distil from first."""
        return (self.teacher, *self.teachers[1:])

    @field_validator("targets", mode="before")
    @classmethod
    def _targets(cls, values: Any) -> Any:
        from rd3.data.load import parse_target

        if not isinstance(values, (list, tuple)):
            raise ValueError("expected a list")
        return tuple(parse_target(value) if isinstance(value, str) else value for value in values)

    @field_validator("methods", mode="before")
    @classmethod
    def _methods(cls, values: Any) -> Any:
        if not isinstance(values, (list, tuple)):
            raise ValueError("expected a list")
        return tuple(_method_entry(value) for value in values)

    @field_validator("name")
    @classmethod
    def _no_store(cls, name: str) -> str:
        if name == "store":
            raise ValueError("the store has this name; take another")
        return name

    @field_validator("ipc")
    @classmethod
    def _positive(cls, values: tuple[int, ...]) -> tuple[int, ...]:
        if min(values) < 1:
            raise ValueError("IPC is at least 1")
        return values


def _method_entry(value: Any) -> Any:
    if isinstance(value, str):
        return MethodEntry(name=value)
    if isinstance(value, dict) and "name" in value and "settings" not in value:
        own = {key: v for key, v in value.items() if key in MethodEntry.model_fields}
        return {**own, "settings": {key: v for key, v in value.items() if key not in own}}
    return value


def list_studies() -> list[str]:
    """Names of the shipped study files."""
    return sorted(entry.name.removesuffix(".yaml") for entry in SHIPPED.iterdir() if entry.name.endswith(".yaml"))


def load_study(name: str) -> StudySpec:
    """A study file by its path, or a shipped one by its name.

    Raises:
        UserError: no such study, not YAML, or a key or value that is not allowed.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise UserError(f"{path}: there is no such study file")
        text = read_text(path)
    elif name in list_studies():
        text = SHIPPED.joinpath(f"{name}.yaml").read_text()
    else:
        raise unknown("study", name, list_studies())
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(f"{name}: not YAML: {' '.join(str(error).split())}") from None
    return parse(StudySpec, values, where=f"study {name}")
