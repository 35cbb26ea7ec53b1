"""Settings that come in kinds: `{"kind": "flip", "p": 0.5}` becomes the class that is registered as `flip`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import SerializerFunctionWrapHandler, model_serializer

from rd3.base.errors import UserError
from rd3.base.registry import Registry
from rd3.base.spec import Spec, parse


class Kind(Spec):
    """A spec whose class has a name; its JSON carries that name under the key `kind`.

    Class attributes:
        later: settings that were added after protocols with this kind were locked. Left at their defaults they are not
            written, so that those protocols keep their hashes; such a default must never change.
    """

    kind: ClassVar[str]
    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _with_kind(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return {"kind": self.kind, **{name: value for name, value in fields(self).items() if name not in unused}}


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
