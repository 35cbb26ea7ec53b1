"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from rd3.base.errors import UserError

if TYPE_CHECKING:
    from rd3.data.target import Target
    from rd3.squeeze.teacher import Teacher
    from rd3.study.store import Store

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
PixelMeaning = Literal["unit", "uint8", "normalised"] | None
Settings = Annotated[
    tuple[str, ...], tyro.conf.arg(name="setting", aliases=["-p"], metavar="KEY=VALUE"), tyro.conf.UseAppendAction
]


@dataclass
class Place:
    """Where work is kept and done."""

    home: Path | None = None
    """folder of the store and of results; $RD3_HOME or ./runs by default"""
    device: str = "auto"
    """cpu, cuda, cuda:1, or auto (a GPU where there is one)"""
    workers: int | None = None
    """processes; one a core, or one a GPU, by default"""

    def store(self) -> Store:
        from rd3.study.store import Store

        return Store(self.home)


@dataclass
class TeacherChoice:
    """Which teacher labels, or is distilled from."""

    teacher_model: str = "convnet3-bn"
    """architecture that the target is squeezed into"""
    teacher_epochs: int | None = None
    """epochs in place of the recipe's"""
    teacher_file: Path | None = None
    """a state dict (.pt) of that architecture, in place of squeezing one; it is checked on the test split"""
    teacher_seed: int = 0
    """seed of the squeeze"""


def read_settings(words: Sequence[str]) -> dict[str, Any]:
    """`key=value` texts as a dict; values are read as YAML.

    >>> read_settings(["iterations=500", "init=real"])
    {'iterations': 500, 'init': 'real'}
    """
    import yaml

    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UserError(f"-p {word}: expected KEY=VALUE, for instance -p iterations=500")
        try:
            settings[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            raise UserError(f"-p {word}: {value!r} is not a YAML value") from None
    return settings


def get_teacher(choice: TeacherChoice, target: Target, place: Place) -> Teacher:
    """The chosen teacher: from its file, from the store, or squeezed now."""
    import rd3
    from rd3.cli.live import live

    if choice.teacher_file is not None:
        return rd3.bring_teacher(choice.teacher_file, target, model=choice.teacher_model)
    with live() as listener:
        return rd3.squeeze(
            target,
            model=choice.teacher_model,
            epochs=choice.teacher_epochs,
            seed=choice.teacher_seed,
            store=place.store(),
            device=place.device,
            listener=listener,
        )


def worker_count(place: Place) -> int:
    """How many processes to use."""
    from rd3.study.executors.choose import default_workers
    from rd3.training.device import pick_device

    return default_workers(pick_device(place.device)) if place.workers is None else place.workers
