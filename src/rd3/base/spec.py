"""Frozen, validated specifications and their fingerprints.

Everything that can change a number is a field of a `Spec`. Two specs with the same canonical JSON are the same work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, ValidationError, model_serializer
from pydantic_core import ErrorDetails

from rd3.base.errors import UserError, suggestion

SHOWN = 100  # characters of a bad value that a message repeats

SpecT = TypeVar("SpecT", bound="Spec")


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text, on every machine.

    >>> canonical_json({"b": 1, "a": [0.1, None]})
    '{"a":[0.1,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def fingerprint_of(kind: str, value: Any) -> str:
    """The first 20 hex digits of the SHA-256 of a kind and a JSON value."""
    return hashlib.sha256(f"{kind}\n{canonical_json(value)}".encode()).hexdigest()[:20]


class Spec(BaseModel):
    """Base of all specifications: frozen, and strict about its keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def as_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        return self.model_dump(mode="json")


class GrowingSpec(Spec):
    """A spec that gains settings after work was stored under its fingerprint.

    Class attributes:
        later: the settings that were added. Left at their defaults they are not written, so that older work keeps its
            fingerprint; such a default must never change.
    """

    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _written(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return self._in_use(fields(self))

    def _in_use(self, values: dict[str, Any]) -> dict[str, Any]:
        unused = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in values.items() if name not in unused}


def parse(spec_class: type[SpecT], values: Mapping[str, Any], *, where: str) -> SpecT:
    """Build a spec from untrusted values.

    Args:
        spec_class: the class to build.
        values: key -> value, for instance from YAML.
        where: what the user wrote them in, for the message.

    Raises:
        UserError: one line that names the first bad key, its value and what is allowed.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{where}: expected 'key: value' pairs, got {type(values).__name__}")
    try:
        return spec_class.model_validate(dict(values))
    except ValidationError as error:
        raise UserError(f"{where}: {_first_problem(spec_class, error.errors()[0])}") from None


def _first_problem(spec_class: type[Spec], detail: ErrorDetails) -> str:
    key = ".".join(str(part) for part in detail["loc"]) or "value"
    if detail["type"] == "extra_forbidden":
        if len(detail["loc"]) > 1:
            return f"unknown key '{key}'"
        known = sorted(spec_class.model_fields)
        hint = suggestion(str(detail["loc"][-1]), known)
        return f"unknown key '{key}'{hint or '.'} Known: {', '.join(known)}"
    if detail["type"] == "missing":
        return f"key '{key}' is missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{key} = {_shown(detail['input'])}: {message}" if detail["loc"] else message


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
