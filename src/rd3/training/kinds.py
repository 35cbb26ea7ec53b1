"""Settings that come in kinds: `{"kind": "flip", "p": 0.5}` becomes the class that is registered as `flip`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from pydantic import SerializerFunctionWrapHandler, model_serializer

from rd3.base.errors import UserError
from rd3.base.plugin_classes import PluginRegistry
from rd3.base.registry import Registry
from rd3.base.spec import GrowingSpec, parse

SOURCE = "plugin_source"


class Kind(GrowingSpec):
    """A spec whose class has a name; its JSON carries that name under the key `kind`.

    Class attributes:
        plugin_source: digest of the source of one that lives elsewhere, which its JSON carries too; empty for others.
    """

    kind: ClassVar[str]
    plugin_source: ClassVar[str] = ""

    @model_serializer(mode="wrap")
    def _written(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        source = {SOURCE: self.plugin_source} if self.plugin_source else {}
        return {"kind": self.kind, **source, **self._in_use(fields(self))}


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
    kind = str(values["kind"])
    found = _class_of(registry, kind, values.get(SOURCE))
    left_out = {"kind", SOURCE} if found.plugin_source else {"kind"}
    settings = {key: value for key, value in values.items() if key not in left_out}
    return parse(found, settings, where=f"{registry.kind} '{kind}'")


def _class_of(registry: Registry[type[KindT]], kind: str, source: Any) -> type[KindT]:
    """The class of a kind; one that lives elsewhere as it is now.

    Raises:
        UserError: there is none, or its source is no longer the one that was written down.
    """
    plugin = registry.plugin(kind) if isinstance(registry, PluginRegistry) else None
    if plugin is None:
        return registry[kind]
    if source not in (None, plugin.source.digest):
        raise plugin.error("its source has changed since this was planned; run it again")
    named: type[KindT] = _named(plugin.value, kind, plugin.source.digest)
    return named


@lru_cache(maxsize=64)
def _named(found: Any, kind: str, source: str) -> Any:
    """The class under the name that it was first asked for by; under another one a class of its own."""
    if not found.plugin_source:
        found.kind, found.plugin_source = kind, source
    if (found.kind, found.plugin_source) == (kind, source):
        return found
    return type(found.__name__, (found,), {"__module__": found.__module__, "kind": kind, SOURCE: source})
