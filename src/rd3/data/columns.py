"""Which columns of a table from the library `datasets` hold the pictures and their classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from rd3.base.errors import UserError, suggestion
from rd3.data.arrays import Labels

PLAIN = ("int", "uint", "string", "large_string", "bool")  # how the types of columns begin that can be classes


def image_column(where: str, features: Mapping[str, Any], asked: str | None) -> str:
    """The column of pictures: the one that is asked for, or the only one.

    Args:
        where: the data set, for messages.
        features: what the columns hold, by name.

    Raises:
        UserError: there is none, or more than one.
    """
    if asked is not None:
        return _given(where, features, "image", asked, "pictures", _holds_pictures)
    return _only(where, features, "image", "pictures", [name for name in features if _holds_pictures(features[name])])


def label_column(where: str, features: Mapping[str, Any], asked: str | None, *, image: str) -> str:
    """The column of classes: the one that is asked for, the only one that says so of itself, or the only one left.

    Raises:
        UserError: there is none, or more than one.
    """
    if asked is not None:
        return _given(where, features, "label", asked, "classes", lambda one: _has_names(one) or _can_be_class(one))
    classes = [name for name in features if _has_names(features[name])]
    others = [name for name in features if name != image and _can_be_class(features[name])]
    found = classes or [name for name in others if name == "label"] or others
    return _only(where, features, "label", "classes", found)


def labels_of(where: str, column: str, feature: Any, train: Any, test: Any) -> tuple[Labels, Labels, tuple[str, ...]]:
    """Labels of both splits from 0, and the class names: those that the column knows, else its values in order.

    Args:
        train, test: the values of the column.

    Raises:
        UserError: an image without a class, or a class that only the test split has.
    """
    if _has_names(feature):
        names = tuple(str(name) for name in feature.names)
        return _numbers(where, column, train, len(names)), _numbers(where, column, test, len(names)), names
    values = sorted(set(train) - {None})
    number = {value: place for place, value in enumerate(values)}
    strange = [value for value in (*train, *test) if value not in number]
    if strange:
        raise UserError(f"{where}: column {column} holds {strange[0]!r}, which is no class of the training split")
    splits = (np.array([number[value] for value in split], dtype=np.int64) for split in (train, test))
    return next(splits), next(splits), tuple(str(value) for value in values)


def _numbers(where: str, column: str, values: Sequence[int | None], classes: int) -> Labels:
    wrong = [value for value in values if value is None or not 0 <= value < classes]
    if wrong:
        hint = "; a split without labels cannot be tested on: ?test=SPLIT names another" if wrong[0] == -1 else ""
        raise UserError(f"{where}: column {column} holds the label {wrong[0]}; expected 0 to {classes - 1}{hint}")
    return np.array(values, dtype=np.int64)


def _only(where: str, features: Mapping[str, Any], key: str, what: str, found: Sequence[str]) -> str:
    if len(found) == 1:
        return found[0]
    if not found:
        raise UserError(f"{where}: no column holds {what}; it has {', '.join(features)}")
    raise UserError(
        f"{where}: {', '.join(found)} may all be the {what}; say which, for instance {where}?{key}={found[0]}"
    )


def _given(
    where: str, features: Mapping[str, Any], key: str, asked: str, what: str, fits: Callable[[Any], bool]
) -> str:
    """The column that was asked for, if it is there and can be what it is asked for as."""
    if asked not in features:
        hint = suggestion(asked, features) or "."
        raise UserError(f"{where}: {key} = {asked}: no such column{hint} There are: {', '.join(features)}")
    if not fits(features[asked]):
        raise UserError(f"{where}: {key} = {asked}: holds no {what}, but {features[asked]}")
    return asked


def _holds_pictures(feature: Any) -> bool:
    """Decoded ones, or the bytes of their files as parquet keeps them."""
    if isinstance(feature, dict):
        return "bytes" in feature
    return type(feature).__name__ == "Image" or getattr(feature, "dtype", None) in ("binary", "large_binary")


def _has_names(feature: Any) -> bool:
    return type(feature).__name__ == "ClassLabel"


def _can_be_class(feature: Any) -> bool:
    return type(feature).__name__ == "Value" and str(feature.dtype).startswith(PLAIN)
