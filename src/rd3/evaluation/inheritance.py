"""What a protocol file takes from its `base`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rd3.evaluation.protocol import Protocol, ProtocolField

INHERITED = ("source", "not_rankable", "peek", "hard_without_batch_augmentation", "variants", "uncovered")


def inherited(values: dict[str, Any], base: Callable[[str], Protocol]) -> dict[str, Any]:
    """What a file holds, with all that it leaves to the base that it names.

    Args:
        base: reads a protocol by its name.
    """
    if "base" not in values:
        return values
    parent = base(str(values.pop("base")))
    facts = parent.model_dump(include=set(INHERITED), exclude_none=True)
    values = {**facts, **values}
    own = values.get("fields") or {}
    fields = {name: _from(parent, field, values["source"]) for name, field in parent.fields.items()}
    return {**values, "fields": {**fields, **own} if isinstance(own, dict) else own}


def _from(parent: Protocol, field: ProtocolField, source: Any) -> dict[str, Any]:
    """A field of a base; it goes on naming the base's source."""
    given = field.model_dump(exclude_unset=True)
    return given if field.source or parent.source == source else {**given, "source": parent.source}
