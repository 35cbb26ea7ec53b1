"""What `rd3 evaluate` and `rd3 score` have in common: a synthetic, a target, a protocol, students and seeds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from rd3.cli.options import Names, StudentPlace, TeacherChoice, get_teachers, split_names, worker_count
from rd3.cli.reading import Reading, reading_arguments

if TYPE_CHECKING:
    from rd3.data.target import Target
    from rd3.synthetic.artifact import Synthetic


@dataclass(kw_only=True)
class JudgedSet(Reading, TeacherChoice, StudentPlace):
    """A synthetic set, and how it is judged."""

    synthetic: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SYNTHETIC")]
    """folder or file of a synthetic set"""
    protocol: str = "rd3"
    """id of a protocol (rd3 list protocols), or a protocol file"""
    student: Annotated[Names, tyro.conf.arg(aliases=["--students"])] = ()
    """architecture, the first teacher's by default; several (again, or a,b) are judged one after the other"""
    selection: Literal["held-out", "test-peek"] = "held-out"
    """test-peek chooses rates and epochs on the test split: for comparison only, and never ranked"""

    @property
    def students(self) -> tuple[str, ...]:
        return split_names(self.student) or self.teacher_models[:1]


@dataclass(kw_only=True)
class JudgeOptions(JudgedSet):
    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """the real data it was made from"""
    seeds: int = 5
    """students trained, one a replicate"""


def read_inputs(options: JudgedSet, target: str) -> tuple[Synthetic, Target]:
    """The synthetic and the real data, as the options describe them."""
    from rd3.data.load import load_target
    from rd3.report.format import plain
    from rd3.synthetic import read_synthetic
    from rd3.synthetic.transfer import believed

    real = load_target(target)
    arguments = reading_arguments(options)
    if options.set == "all":
        arguments["set"] = 0
    synthetic = read_synthetic(options.synthetic, target=real, **arguments)
    said = believed(options.synthetic)
    if said is not None:
        sys.stderr.write(f"{plain(str(options.synthetic))}: {plain(said)}\n")
    return synthetic, real


def all_draws(options: JudgedSet, target: Target) -> list[Synthetic]:
    """Every set of a file that holds several."""
    from rd3.synthetic.transfer import number_of_sets, read_synthetic

    arguments = {**reading_arguments(options), "target": target}
    count = number_of_sets(options.synthetic)
    return [read_synthetic(options.synthetic, **{**arguments, "set": number}) for number in range(count)]


def need_teachers(options: JudgedSet, synthetic: Synthetic, target: Target, *, references: bool) -> bool:
    """Whether a teacher labels anything; every student is tried on the way, before anything is trained.

    Args:
        references: whether random images are judged besides the set.
    """
    from rd3.evaluation.files import load_protocol
    from rd3.models import create_model

    found = False
    for student in options.students:
        settings, _ = load_protocol(options.protocol).resolve(target, synthetic.ipc, student)
        create_model(student, classes=len(target.classes), size=target.size, channels=target.channels, seed=0)
        own = settings.labels == "static" and synthetic.soft_labels is not None and not references
        found = found or (settings.soft and not own)
    return found


@contextmanager
def judged(
    options: JudgedSet, target: str, seeds: int, *, references: bool = False
) -> Iterator[tuple[Synthetic, Target, dict[str, Any]]]:
    """(synthetic, target, keyword arguments but `student`) for `rd3.evaluate` and `rd3.score`, with progress shown."""
    from rd3.cli.live import live
    from rd3.study.estimate import Estimator
    from rd3.training.device import pick_device

    synthetic, real = read_inputs(options, target)
    needed = need_teachers(options, synthetic, real, references=references)
    teachers = get_teachers(options, real, options) if needed else None
    workers = worker_count(options)
    estimator = Estimator(pick_device(options.device))
    with live(estimator.seconds, workers=workers) as listener:
        yield (
            synthetic,
            real,
            {
                "protocol": options.protocol,
                "teacher": teachers,
                "seeds": seeds,
                "selection": options.selection,
                "store": options.store(),
                "device": options.device,
                "workers": workers,
                "listener": listener,
            },
        )
