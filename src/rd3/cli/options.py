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
Names = Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME"), tyro.conf.UseAppendAction]
Files = Annotated[tuple[Path, ...], tyro.conf.arg(metavar="FILE"), tyro.conf.UseAppendAction]
Settings = Annotated[
    tuple[str, ...], tyro.conf.arg(name="setting", aliases=["-p"], metavar="KEY=VALUE"), tyro.conf.UseAppendAction
]


DEFAULT_TEACHER = "convnet3-bn"


def split_names(words: Sequence[str]) -> tuple[str, ...]:
    """Names that were given one by one, or joined by commas.

    >>> split_names(["mlp,lenet", "convnet3"])
    ('mlp', 'lenet', 'convnet3')
    """
    return tuple(name.strip() for word in words for name in word.split(",") if name.strip())


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
    """Which teachers label; the first is distilled from."""

    teacher_model: Names = ()
    """architecture that the target is squeezed into, convnet3-bn by default; several (again, or a,b) are a pool"""
    teacher_epochs: int | None = None
    """epochs in place of the recipe's"""
    teacher_file: Files = ()
    """a state dict (.pt) of that architecture, in place of squeezing one; it is checked on the test split"""
    probe: Files = ()
    """a state dict (.pt) of a backbone of that architecture, for instance a self-supervised one: it stays frozen, and
    only a new last layer is trained"""
    teacher_seed: int = 0
    """seed of the squeeze"""

    @property
    def teacher_models(self) -> tuple[str, ...]:
        """Their architectures, in the order given."""
        return split_names(self.teacher_model) or (DEFAULT_TEACHER,)


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


def get_teachers(choice: TeacherChoice, target: Target, place: Place, *, most: int | None = None) -> list[Teacher]:
    """The chosen teachers, at most so many."""
    import rd3
    from rd3.cli.live import live

    found = []
    for model, file, backbone in teacher_sources(choice)[:most]:
        if file is not None:
            found.append(rd3.bring_teacher(file, target, model=model))
            continue
        with live() as listener:
            found.append(
                rd3.squeeze(
                    target,
                    model=model,
                    epochs=choice.teacher_epochs,
                    seed=choice.teacher_seed,
                    backbone=backbone,
                    store=place.store(),
                    device=place.device,
                    listener=listener,
                )
            )
    return found


def teacher_sources(choice: TeacherChoice) -> list[tuple[str, Path | None, Path | None]]:
    """(architecture, its file, the file of its frozen backbone) of every chosen teacher.

    Raises:
        UserError: files that are not one an architecture, or of both kinds.
    """
    models, given = choice.teacher_models, {"--teacher-file": choice.teacher_file, "--probe": choice.probe}
    for option, files in given.items():
        if files and len(files) != len(models):
            raise UserError(f"{option}: {len(files)} for {len(models)} teacher(s); give one for each --teacher-model")
    if all(given.values()):
        raise UserError("--probe: trains a last layer, and --teacher-file brings one; give one of the two")
    nothing = (None,) * len(models)
    return list(zip(models, choice.teacher_file or nothing, choice.probe or nothing, strict=True))


def worker_count(place: Place) -> int:
    """How many processes to use."""
    from rd3.study.executors.choose import default_workers
    from rd3.training.device import pick_device

    return default_workers(pick_device(place.device)) if place.workers is None else place.workers
