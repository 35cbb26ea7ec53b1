"""How well students learn from images of a backbone: the weights of CV-DD's committee (arXiv 2501.07575)."""

from __future__ import annotations

from collections.abc import Sequence

BACKBONES = ("resnet18", "resnet50", "shufflenet", "mobilenet", "densenet")
PUBLISHED = {
    "cifar100": (64.0, 60.6, 51.6, 59.4, 56.4),
    "cifar10": (63.0, 65.3, 68.5, 67.6, 67.4),
    "imagenet-1k": (56.4, 42.3, 52.5, 44.2, 40.6),
    "imagenette": (62.4, 52.0, 57.2, 54.0, 60.8),
    "tiny-imagenet": (46.5, 28.3, 43.6, 44.8, 41.5),
}
"""Accuracy (%) of students trained on SRe2L's images of each backbone."""
FIXED = {
    "imagenette": ("mobilenet", "densenet"),
    "cifar10": ("mobilenet", "densenet"),
    "cifar100": ("shufflenet", "mobilenet"),
}
"""The pair for one image a class, where it is not the one with the highest priors."""


def priors_of(target: str, teachers: Sequence[str]) -> tuple[float, ...]:
    """The published priors of teachers by the names of target and architectures; equal ones if any is not known.

    >>> priors_of("cifar10", ["resnet18", "tv:densenet121"]), priors_of("cifar10", ["resnet18", "lenet"])
    ((63.0, 67.4), (0.0, 0.0))
    """
    known = dict(zip(BACKBONES, PUBLISHED.get(target, ()), strict=False))
    found = [known.get(backbone(name) or "") for name in teachers]
    return tuple(prior or 0.0 for prior in found) if all(found) else (0.0,) * len(teachers)


def best_pair(target: str, teachers: Sequence[str], priors: Sequence[float]) -> tuple[int, ...]:
    """The two teachers for one image a class, by their numbers: the published pair, or the two highest priors."""
    places = [backbone(name) for name in teachers]
    if target in FIXED and all(name in places for name in FIXED[target]):
        return tuple(sorted(places.index(name) for name in FIXED[target]))
    return tuple(sorted(sorted(range(len(priors)), key=lambda number: -priors[number])[:2]))


def backbone(name: str) -> str | None:
    """Which of the published backbones an architecture is."""
    bare = name.rpartition(":")[2]
    return next((known for known in BACKBONES if bare.startswith(known)), None)
