"""Which class a folder of pictures is: by its name, by its number, or by its number in a list of classes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rd3.base.errors import UserError
from rd3.data.target import Target
from rd3.squeeze.class_order import IMAGENET, IMAGENET_CLASSES, imagenet_wnids, rows_of

INDEX = re.compile(r"(?:new)?(\d{1,6})", re.ASCII)
ITERATION = re.compile(r"((?:new)?\d{1,6})_it(\d+)", re.ASCII)
WNID = re.compile(r"n\d{8}", re.ASCII)


def class_order(
    folders: list[str], target: Target | None, classes: Sequence[str] | None = None
) -> tuple[dict[str, int], tuple[str, ...] | None]:
    """Folder name -> label, and the class names where the folders, or the list, carry them.

    Without a target, names that are not all numbers are labelled in alphabetical order, as ImageFolder does. WordNet
    ids serve a target with ImageNet's plain names.

    Args:
        classes: which class a number is; by default the target's own order.

    Raises:
        UserError: folders that fit neither the target's class names nor the numbers, or two for one class.
    """
    numbers = {name: int(match[1]) for name in folders if (match := INDEX.fullmatch(name))}
    if target is None:
        return _without_target(folders, numbers, classes)
    known = labels_by_name(target, [*folders, *(classes or ())])
    meant = {k: known.get(name) for k, name in enumerate(target.classes if classes is None else classes)}
    numbered = {name: label for name, k in numbers.items() if (label := meant.get(k)) is not None}
    named = {name: known[name] for name in folders if name in known}
    listed = classes is not None and len(numbered) == len(folders)  # also where the classes' names are numbers
    order = named if len(named) >= len(numbered) and not listed else numbered
    strangers = [name for name in folders if name not in order]
    if strangers:
        what = f"0 .. {len(target.classes) - 1}" if classes is None else "a place of one of them in the given list"
        raise UserError(
            f"class folder{some(strangers)}: neither among the classes of target '{target.name}'"
            f" ({_first(target.classes)}) nor {what}"
        )
    carried = order is named or classes is not None
    return _one_each(order), target.classes if carried else None


def _without_target(
    folders: list[str], numbers: dict[str, int], classes: Sequence[str] | None
) -> tuple[dict[str, int], tuple[str, ...] | None]:
    if classes is not None:
        places = {name: place for place, name in enumerate(classes)}
        order = {name: places.get(name, numbers.get(name, len(classes))) for name in folders}
        strangers = [name for name, label in order.items() if label >= len(classes)]
        if strangers:
            raise UserError(f"class folder{some(strangers)}: not among the {len(classes)} given classes")
        return _one_each(order), tuple(classes)
    if len(numbers) < len(folders):
        return {name: label for label, name in enumerate(sorted(folders))}, tuple(sorted(folders))
    return _one_each(numbers), None


def labels_by_name(target: Target, names: Sequence[str]) -> dict[str, int]:
    """The target's class names -> labels; ImageNet's WordNet ids besides, where such are among `names`."""
    known = {name: label for label, name in enumerate(target.classes)}
    if any(WNID.fullmatch(name) and name not in known for name in names):
        try:
            rows = rows_of(IMAGENET, target.classes, IMAGENET_CLASSES, where=target.name) or []
        except UserError:  # the target's classes are not ImageNet's
            return known
        known = {imagenet_wnids()[row]: label for label, row in enumerate(rows)} | known
    return known


def one_iteration(folders: list[str]) -> tuple[list[str], list[str]]:
    """Names of the class folders, and those that are left out: LPLD's `new000_it500` are pictures on the way.

    Raises:
        UserError: there are such folders alone, of several iterations.
    """
    early = {name: match for name in folders if (match := ITERATION.fullmatch(name))}
    final = [name for name in folders if name not in early]
    if final or not early:
        return final, sorted(early)
    iterations = sorted({int(match[2]) for match in early.values()})
    if len(iterations) > 1:
        numbers = ", ".join(map(str, iterations[:5]))
        raise UserError(f"holds class folders of iterations {numbers} and no final ones; keep those of one iteration")
    return folders, []


def without_iteration(name: str) -> str:
    """`new007_it500` -> `new007`."""
    match = ITERATION.fullmatch(name)
    return match[1] if match else name


def _one_each(order: dict[str, int]) -> dict[str, int]:
    first: dict[int, str] = {}
    for name, label in order.items():
        if first.setdefault(label, name) != name:
            raise UserError(f"class folders '{first[label]}' and '{name}' are both class {label}")
    return order


def some(names: list[str]) -> str:
    """The first names, with a plural s in front."""
    return f"{'s' if len(names) > 1 else ''} {_first(names)}"


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"{', '.join(repr(name) for name in names[:3])}{more}"
