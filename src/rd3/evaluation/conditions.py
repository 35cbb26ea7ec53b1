"""When a value of a protocol holds: conditions on the target, the images per class and the student."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import product
from typing import Any, NamedTuple

from rd3.base.spec import Spec
from rd3.data.facts import TargetFacts
from rd3.data.target import Target

LATER = ("classes_min", "classes_max")  # not in the hash where they are not given: older hashes did not know them
MANY = 10**9
SIZES, CLASSES, IPC = (224, 128, 64, 32, 28), (1000, 200, 100, 10), (1000, 50, 10, 1)
ZOOS = ("tv", "timm")


class Cell(NamedTuple):
    """What a protocol is resolved for.

    Attributes:
        ipc: images per class, None for the whole target.
    """

    target: Target | TargetFacts
    ipc: int | None
    student: str


class When(Spec):
    """Conditions of a case; all that are given must hold.

    Attributes:
        target, student: shell patterns of names, one of which must fit. A student's name fits with and without the
            zoo it comes from: `resnet18` is `tv:resnet18` and `timm:resnet18.a1_in1k` too.
        size_min, size_max: side of the images in pixels.
        ipc_min, ipc_max: images per class; the whole target has more than any IPC.
        classes_min, classes_max: classes of the target.
    """

    target: tuple[str, ...] | None = None
    student: tuple[str, ...] | None = None
    size_min: int | None = None
    size_max: int | None = None
    ipc_min: int | None = None
    ipc_max: int | None = None
    classes_min: int | None = None
    classes_max: int | None = None

    def holds(self, target: Target | TargetFacts, ipc: int | None, student: str) -> bool:
        names = (student, architecture(student))
        return (
            (self.target is None or any(fnmatch(target.name, pattern) for pattern in self.target))
            and (self.student is None or any(fnmatch(name, pattern) for pattern in self.student for name in names))
            and _within(target.size, self.size_min, self.size_max)
            and _within(MANY if ipc is None else ipc, self.ipc_min, self.ipc_max)
            and _within(target.num_classes, self.classes_min, self.classes_max)
        )

    def hashed(self) -> dict[str, Any]:
        """What enters a protocol's hash."""
        return {name: value for name, value in self.model_dump().items() if value is not None or name not in LATER}

    def examples(self) -> Iterator[Cell]:
        """Cells in which it holds, of the sizes, numbers of classes and IPC that papers use."""
        name, student = (
            patterns[0].replace("*", "") if patterns else "any" for patterns in (self.target, self.student)
        )
        for size, classes, ipc in product(
            _candidates(self.size_min, self.size_max, SIZES),
            _candidates(self.classes_min, self.classes_max, CLASSES),
            _candidates(self.ipc_min, self.ipc_max, IPC),
        ):
            yield Cell(TargetFacts(name, size, 3, classes, flip_keeps_class=True), ipc, student)


def architecture(student: str) -> str:
    """A student's name without the zoo that it comes from.

    >>> [architecture(name) for name in ("tv:resnet18", "timm:resnet18.a1_in1k", "convnet3-bn", "mine:net")]
    ['resnet18', 'resnet18', 'convnet3-bn', 'mine:net']
    """
    zoo, _, name = student.partition(":")
    return name.partition(".")[0] if zoo in ZOOS else student


def _within(value: int, low: int | None, high: int | None) -> bool:
    return (low is None or low <= value) and (high is None or value <= high)


def _literal(patterns: tuple[str, ...] | None) -> str:
    return patterns[0].replace("*", "") if patterns else "any"


def _candidates(low: int | None, high: int | None, usual: tuple[int, ...]) -> list[int]:
    bounds = [bound for bound in (high, low) if bound is not None]
    return bounds + [value for value in usual if _within(value, low, high)]
