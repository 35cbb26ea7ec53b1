"""Which output of a network belongs to which class of a target."""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.resources import files
from pathlib import Path

from rd3.base.errors import UserError
from rd3.base.files import read_text

IMAGENET = "imagenet-1k"
IMAGENET_CLASSES = 1000


@cache
def imagenet_wnids() -> tuple[str, ...]:
    """WordNet ids of ImageNet-1k's classes in the order of everybody's logits, which is their sorted order."""
    return tuple(files("rd3.squeeze").joinpath("imagenet_wnids.txt").read_text().split())


@cache
def imagenet_names() -> tuple[str, ...]:
    """A plain name for each, as torchvision has them."""
    from torchvision.models import ResNet18_Weights

    return tuple(ResNet18_Weights.IMAGENET1K_V1.meta["categories"])


def rows_of(
    classes: str | tuple[str, ...] | None, wanted: tuple[str, ...], outputs: int, *, where: str
) -> list[int] | None:
    """Which outputs are those of the wanted classes, None where all are, in that order.

    Args:
        classes: see `rd3.squeeze.brought_spec.Reading`.
        outputs: how many the network has.
        where: the weights are from, for the message.

    Raises:
        UserError: nobody says what the outputs are, or one of the wanted classes is not among them.
    """
    if classes is None:
        if outputs == len(wanted):
            return None
        if outputs != IMAGENET_CLASSES:
            raise UserError(
                f"{where}: has {outputs} outputs for the target's {len(wanted)} classes; say what they are with"
                " classes = a file with a name a line, or imagenet-1k"
            )
        classes = IMAGENET
    names = _names(classes)
    if len(names) != outputs:
        raise UserError(f"{where}: has {outputs} outputs, and classes = {_shown(classes)} names {len(names)}")
    places = _places(names, imagenet=classes == IMAGENET)
    rows = [_place(name, places, classes) for name in wanted]
    if len({*rows}) < len(rows):
        first, second = _of_one_output(rows, wanted)
        raise UserError(f"classes '{first}' and '{second}' of the target are one among classes = {_shown(classes)}")
    return rows


def _of_one_output(rows: list[int], wanted: tuple[str, ...]) -> tuple[str, str]:
    """Two classes that one output answers to."""
    twice = next(row for row in rows if rows.count(row) > 1)
    first, second, *_ = (name for row, name in zip(rows, wanted, strict=True) if row == twice)
    return first, second


def _names(classes: str | tuple[str, ...]) -> tuple[str, ...]:
    if classes == IMAGENET:
        return imagenet_wnids()
    if not isinstance(classes, str):
        return classes
    if not Path(classes).expanduser().is_file():
        raise UserError(f"classes = {classes}: expected imagenet-1k, a list, or a file with a name a line")
    return tuple(read_text(Path(classes).expanduser()).splitlines())


def _places(names: tuple[str, ...], *, imagenet: bool) -> dict[str, int]:
    """Position of every name that stands once; ImageNet's classes answer to their plain names too."""
    places = {name: place for place, name in enumerate(names) if names.count(name) == 1}
    if imagenet:
        plain = [_plain(name) for name in imagenet_names()]
        counts = Counter(plain)
        places |= {name: place for place, name in enumerate(plain) if counts[name] == 1}
    return places


def _place(name: str, places: dict[str, int], classes: str | tuple[str, ...]) -> int:
    for known in (name, _plain(name)):
        if known in places:
            return places[known]
    raise UserError(f"class '{name}' of the target is not among classes = {_shown(classes)}, or not only once")


def _plain(name: str) -> str:
    return name.replace("_", " ").lower()


def _shown(classes: str | tuple[str, ...]) -> str:
    return classes if isinstance(classes, str) else f"[{', '.join(classes[:3])}, …]"
