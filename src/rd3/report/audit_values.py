"""Values of fields as an audit shows them: of an operation only what is not usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rd3.base.errors import UserError
from rd3.report.page import value_text
from rd3.training.augment.base import parse_augmentation
from rd3.training.mix import MIXES, parse_mix


def field_text(value: Any) -> str:
    """A field's value without the settings of operations that are at their defaults.

    >>> field_text({"kind": "cutmix", "alpha": 1.0, "p": 0.5, "partner": "permutation"}), field_text(None)
    ('kind: cutmix; p: 0.5', '–')
    """
    return value_text(_short(value))


def _short(value: Any) -> Any:
    if isinstance(value, Mapping) and "kind" in value:
        return _without_defaults(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_short(each) for each in value]
    return value


def _without_defaults(operation: Mapping[str, Any]) -> Mapping[str, Any]:
    """An operation that this version does not know stays whole."""
    try:
        parse = parse_mix if operation["kind"] in list(MIXES) else parse_augmentation
        return parse(operation).model_dump(mode="json", exclude_defaults=True)
    except UserError:
        return operation
