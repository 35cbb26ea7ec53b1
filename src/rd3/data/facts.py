"""What is known of a target without its images."""

from __future__ import annotations

from dataclasses import dataclass

from rd3.data.load import load_target, parse_target, source_of
from rd3.data.target import Target


@dataclass(frozen=True)
class TargetFacts:
    """The part of a `Target` that decides what a protocol says for it; the names are the same."""

    name: str
    size: int
    channels: int
    num_classes: int
    flip_keeps_class: bool


def target_facts(text: str) -> TargetFacts:
    """The facts of a target by its name; only one whose name promises too little is loaded.

    Raises:
        UserError: an unknown name, or nothing at the place it names.
    """
    spec = parse_target(text)
    source, _ = source_of(spec.name)
    side = spec.size or source.size
    if side is not None and source.channels is not None and source.classes is not None:
        return TargetFacts(spec.name, side, source.channels, source.classes, source.flip_keeps_class)
    return facts_of(load_target(spec))


def facts_of(target: Target) -> TargetFacts:
    """The facts of a target that is at hand."""
    return TargetFacts(target.name, target.size, target.channels, target.num_classes, target.flip_keeps_class)
