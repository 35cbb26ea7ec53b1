"""Fields that give their values `by` variant, written out as cases.

A protocol file may name `variants`, tried in order, each with what it is `when`; a field then gives its values by them:

    variants: {small: {size_max: 32}, tiny: {size_max: 64}, large: {}}
    fields:
      epochs: {by: {small: 400, tiny: 100, large: {value: 300, provenance: stated}}, provenance: code}
      lr: {by: {tiny: 0.2, otherwise: 1.0e-3}, provenance: code}
      zeta: {by: {'small, tiny': 1.0, large: {cases: [{value: 2.0, when: {ipc_max: 10}}, {value: 1.0}]}}, …}

Variants may overlap, and the first that holds decides: with `otherwise`, one that a field does not name has that value;
without it, the next one that the field names and that holds decides, and where there is none the setting is off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rd3.base.errors import UserError

OTHERWISE = "otherwise"


def written_out(fields: Any, variants: Any, where: str) -> Any:
    """Fields with every `by` as cases, in the order of the variants.

    Raises:
        UserError: a `by` that names an unknown variant, or ends a variant's cases with a condition.
    """
    if not isinstance(fields, dict) or not isinstance(variants or {}, dict):
        return fields  # the parser names what is wrong
    return {name: _field(f"{where}: {name}", field, variants or {}) for name, field in fields.items()}


def _field(where: str, field: Any, variants: dict[str, Any]) -> Any:
    if not isinstance(field, dict) or not isinstance(field.get("by"), dict):
        return field
    given = {key.strip(): value for keys, value in field["by"].items() for key in str(keys).split(",")}
    strange = sorted(given.keys() - variants.keys() - {OTHERWISE})
    if strange:
        raise UserError(f"{where} by '{strange[0]}': the variants are {', '.join(variants) or 'none'}")
    cases = [case for variant in _needed(given, variants) for case in _cases(where, variant, given, variants)]
    return {**{key: value for key, value in field.items() if key != "by"}, "cases": cases}


def _needed(given: dict[str, Any], variants: dict[str, Any]) -> Iterator[str]:
    """The variants that are named; with `otherwise` every one up to the last that is named, then that for the rest."""
    if OTHERWISE not in given:
        yield from (variant for variant in variants if variant in given)
        return
    names = list(variants)
    last = max((names.index(name) for name in given if name != OTHERWISE), default=-1)
    yield from names[: last + 1]
    if last + 1 < len(names) or not names:
        yield OTHERWISE


def _cases(where: str, variant: str, given: dict[str, Any], variants: dict[str, Any]) -> Iterator[dict[str, Any]]:
    value = given.get(variant, given.get(OTHERWISE))
    listed = value["cases"] if isinstance(value, dict) and isinstance(value.get("cases"), list) else None
    own: dict[str, Any] = variants.get(variant) or {}
    for each in [value] if listed is None else listed:
        case = each if isinstance(each, dict) and "value" in each else {"value": each}
        yield {**case, "variant": variant, "when": {**own, **(case.get("when") or {})}}
    if listed and isinstance(listed[-1], dict) and listed[-1].get("when"):
        raise UserError(f"{where} by '{variant}': the last case holds without conditions, or the next variant decides")
