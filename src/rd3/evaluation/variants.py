"""Fields that give their values `by` variant, written out as cases.

A protocol file may name `variants`, tried in order, each with what it is `when`; a field then gives its values by them:

    variants: {small: {size_max: 32}, tiny: {size_max: 64}, large: {}}
    fields:
      epochs: {by: {small: 400, tiny: 100, large: {value: 300, provenance: stated}}, provenance: code}
      lr: {by: {tiny: 0.2, otherwise: 1.0e-3}, provenance: code}
      zeta: {by: {'small, tiny': 1.0, large: {cases: [{value: 2.0, when: {ipc_max: 10}}, {value: 1.0}]}}, …}

The first variant that holds decides, whether a field names it or not: so a field names all of them, or `otherwise`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rd3.base.errors import UserError

OTHERWISE = "otherwise"


def written_out(fields: Any, variants: Any, where: str) -> Any:
    """Fields with every `by` as cases, in the order of the variants.

    Raises:
        UserError: a `by` that names an unknown variant, leaves one out, or ends a variant's cases with a condition.
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
    missing = [variant for variant in variants if variant not in given]
    if missing and OTHERWISE not in given:
        raise UserError(f"{where} says nothing for the variant '{missing[0]}': name it, or add '{OTHERWISE}'")
    cases = [case for variant in _needed(given, variants) for case in _cases(where, variant, given, variants)]
    return {**{key: value for key, value in field.items() if key != "by"}, "cases": cases}


def _needed(given: dict[str, Any], variants: dict[str, Any]) -> Iterator[str]:
    """The variants up to the last that is named, then `otherwise` for the rest."""
    names = list(variants)
    last = max((names.index(name) for name in given if name != OTHERWISE), default=-1)
    yield from names[: last + 1]
    if last + 1 < len(names):
        yield OTHERWISE


def _cases(where: str, variant: str, given: dict[str, Any], variants: dict[str, Any]) -> Iterator[dict[str, Any]]:
    value = given.get(variant, given.get(OTHERWISE))
    nested = value["cases"] if isinstance(value, dict) and isinstance(value.get("cases"), list) else [value]
    own: dict[str, Any] = variants.get(variant) or {}
    for each in nested:
        case = each if isinstance(each, dict) and "value" in each else {"value": each}
        yield {**case, "variant": variant, "when": {**own, **(case.get("when") or {})}}
    if nested and isinstance(nested[-1], dict) and nested[-1].get("when"):
        raise UserError(f"{where} by '{variant}': the last case holds without conditions, or the next variant decides")
