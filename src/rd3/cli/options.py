"""Options that several verbs share, and how their texts are read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import tyro

from rd3.base.errors import UserError

if TYPE_CHECKING:
    from rd3.data.target import Target
    from rd3.squeeze.teacher import Teacher
    from rd3.study.store import Store

Flag = Annotated[bool, tyro.conf.FlagCreatePairsOff]
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
    """processes, all together; by default one a core, or on a GPU one (what trains students has --runs-in-flight)"""

    def store(self) -> Store:
        from rd3.study.store import Store

        return Store(self.home)


@dataclass
class StudentPlace(Place):
    """Where students are trained, and how."""

    runs_in_flight: int = 1
    """students trained at a time on every GPU, each in a process of its own; not together with --workers"""
    precision: Literal["float32", "bfloat16"] | None = None
    """of students; float32 on a CPU and bfloat16 on a GPU by default"""


@dataclass
class TeacherChoice:
    """Which teachers label; the first is distilled from."""

    teacher_model: Names = ()
    """architecture that the target is squeezed into, convnet3-bn by default; several (again, or a,b) are a pool"""
    teacher_epochs: int | None = None
    """epochs in place of the recipe's"""
    teacher: Annotated[Names, tyro.conf.arg(metavar="SOURCE")] = ()
    """trained weights in place of squeezing: FILE, torchvision:NAME[:WEIGHTS], timm:NAME or timm:NAME@FILE; tested on
    the test split first"""
    teacher_file: Files = ()
    """the same for a file (.pt, .pth, .safetensors); a plain file is of the architecture --teacher-model"""
    teacher_setting: Annotated[
        tuple[str, ...], tyro.conf.arg(aliases=["-t"], metavar="KEY=VALUE"), tyro.conf.UseAppendAction
    ] = ()
    """how trained weights are read: mean, std, match, classes, others or pretrained, for instance -t match=position"""
    probe: Files = ()
    """a state dict of a backbone of that architecture, for instance a self-supervised one: it stays frozen, and only a
    new last layer is trained"""
    teacher_seed: int = 0
    """seed of the squeeze"""

    @property
    def names_a_teacher(self) -> bool:
        """Whether any was chosen, so that the default is not meant."""
        return bool(self.teacher_model or self.teacher or self.teacher_file or self.probe)

    @property
    def teacher_models(self) -> tuple[str, ...]:
        """Their architectures, brought ones first."""
        return tuple(source.model for source in teacher_sources(self))


def read_settings(words: Sequence[str], *, option: str = "-p") -> dict[str, Any]:
    """`key=value` texts as a dict; values are read as YAML, and words with commas as lists.

    >>> read_settings(["iterations=500", "init=real", "stage_sizes=8,8"])
    {'iterations': 500, 'init': 'real', 'stage_sizes': [8, 8]}
    """
    import yaml

    settings = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            example = {"-p": "iterations=500", "-t": "match=position"}[option]
            raise UserError(f"{option} {word}: expected KEY=VALUE, for instance {option} {example}")
        try:
            listed = "," in value and value[0] not in "[{'\""
            settings[key] = yaml.safe_load(f"[{value}]" if listed else value)
        except yaml.YAMLError:
            raise UserError(f"{option} {word}: {value!r} is not a YAML value") from None
    return settings


class Chosen(NamedTuple):
    """A teacher's architecture, and its trained weights or a backbone to freeze, where it has them."""

    model: str
    source: str | None = None
    backbone: Path | None = None


def get_teachers(choice: TeacherChoice, target: Target, place: Place, *, most: int | None = None) -> list[Teacher]:
    """The chosen teachers, at most so many; those that are brought are in the store then like the others."""
    import rd3
    from rd3.cli.live import live
    from rd3.study.bench import keep_teacher

    found = []
    for chosen in teacher_sources(choice)[:most]:
        if chosen.source is not None:
            found.append(brought(chosen, choice, target, place.device))
            keep_teacher(found[-1], place.store())
            continue
        with live() as listener:
            found.append(
                rd3.squeeze(
                    target,
                    model=chosen.model,
                    epochs=choice.teacher_epochs,
                    seed=choice.teacher_seed,
                    backbone=chosen.backbone,
                    store=place.store(),
                    device=place.device,
                    listener=listener,
                )
            )
        _say(found[-1])
    return found


def brought(chosen: Chosen, choice: TeacherChoice, target: Target, device: str) -> Teacher:
    """A teacher from elsewhere, tested on `device`, with what has to be said of it said."""
    import torch

    from rd3.squeeze.brought import bring, brought_spec
    from rd3.training.device import pick_device

    assert chosen.source is not None
    reading = read_settings(choice.teacher_setting, option="-t")
    spec = brought_spec(chosen.source, model=chosen.model, **reading)
    teacher = bring(spec, target, device=pick_device(device)).to(torch.device("cpu"))
    _say(teacher)
    return teacher


def _say(teacher: Teacher) -> None:
    """What has to be said of a teacher."""
    sys.stderr.writelines(f"teacher {teacher.name}: {note}\n" for note in teacher.notes)


def teacher_sources(choice: TeacherChoice) -> list[Chosen]:
    """Every chosen teacher: those that are brought, then those that are squeezed.

    Raises:
        UserError: plain files, or backbones, that are not one an architecture; a word on how weights are read without
            weights.
    """
    from rd3.squeeze.brought_spec import model_of

    models, sources = split_names(choice.teacher_model), [*choice.teacher, *map(str, choice.teacher_file)]
    if choice.teacher_setting and not sources:
        raise UserError(f"-t {choice.teacher_setting[0]}: says how trained weights are read; name them with --teacher")
    if choice.probe:
        return _probes(models or (DEFAULT_TEACHER,), choice.probe, sources)
    plain = [source for source in sources if model_of(source) is None]
    if not sources:
        return [Chosen(model) for model in models or (DEFAULT_TEACHER,)]
    if plain and len(plain) != len(models or (DEFAULT_TEACHER,)):
        given = len(models) or 1
        raise UserError(f"--teacher-file: {len(plain)} for {given} teacher(s); give one for each --teacher-model")
    waiting = iter(models or (DEFAULT_TEACHER,))
    chosen = [Chosen(model_of(source) or next(waiting), source) for source in sources]
    return chosen if plain else [*chosen, *map(Chosen, models)]


def _probes(models: Sequence[str], backbones: Sequence[Path], sources: Sequence[str]) -> list[Chosen]:
    if sources:
        raise UserError(f"--probe: trains a last layer, and {sources[0]} brings one; give one of the two")
    if len(backbones) != len(models):
        raise UserError(f"--probe: {len(backbones)} for {len(models)} teacher(s); give one for each --teacher-model")
    return [Chosen(model, backbone=backbone) for model, backbone in zip(models, backbones, strict=True)]


def worker_count(place: StudentPlace) -> int:
    """How many processes to use."""
    from rd3.study.executors.choose import default_workers
    from rd3.training.device import pick_device

    if place.workers is not None:
        if place.runs_in_flight != 1:
            raise UserError("--workers and --runs-in-flight: give one of the two; workers are all processes together")
        return place.workers
    return default_workers(pick_device(place.device), runs_in_flight=place.runs_in_flight)
