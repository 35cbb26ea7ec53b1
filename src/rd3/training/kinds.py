"""Settings that come in kinds: `{"kind": "flip", "p": 0.5}` becomes the class that is registered as `flip`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import SerializerFunctionWrapHandler, model_serializer

from rd3.base.errors import UserError
from rd3.base.registry import Registry
from rd3.base.spec import GrowingSpec, parse


class Kind(GrowingSpec):
    """A spec whose class has a name; its JSON carries that name under the key `kind`."""

    kind: ClassVar[str]

    @model_serializer(mode="wrap")
    def _written(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {"kind": self.kind, **self._in_use(fields(self))}


KindT = TypeVar("KindT", bound=Kind)


def parse_kind(registry: Registry[type[KindT]], values: Mapping[str, Any]) -> KindT:
    """The registered spec that `values["kind"]` names, built from the other values.

    Raises:
        UserError: one line; for a missing or unknown kind, an unknown key or a value out of range.
    """
    if not isinstance(values, Mapping):
        raise UserError(f"{registry.kind}: expected 'key: value' pairs, got {type(values).__name__}")
    if "kind" not in values:
        raise UserError(f"{registry.kind}: key 'kind' is missing; one of {', '.join(registry)}")
    settings = {key: value for key, value in values.items() if key != "kind"}
    return parse(registry[str(values["kind"])], settings, where=f"{registry.kind} '{values['kind']}'")
