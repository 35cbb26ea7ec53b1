"""What `rd3 evaluate` and `rd3 score` have in common: a synthetic, a target, a protocol, a student and seeds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from rd3.cli.options import PixelMeaning, Place, TeacherChoice, get_teacher, worker_count


@dataclass(kw_only=True)
class JudgeOptions(TeacherChoice, Place):
    synthetic: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="SYNTHETIC")]
    """folder or file of a synthetic set"""
    target: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="TARGET")]
    """the real data it was made from"""
    protocol: str = "rd3"
    """id of a protocol (rd3 list protocols), or a protocol file"""
    student: str | None = None
    """architecture; the teacher's by default"""
    seeds: int = 5
    """students trained, one a replicate"""
    pixels: PixelMeaning = None
    """what floats are, in files that hold them: in [0, 1], in 0..255, or normalised as the target is"""


@contextmanager
def judged(options: JudgeOptions) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """(synthetic, target, keyword arguments) for `rd3.evaluate` and `rd3.score`, with progress shown meanwhile."""
    from rd3.cli.live import live
    from rd3.data.load import load_target
    from rd3.evaluation.files import load_protocol
    from rd3.models import create_model
    from rd3.study.estimate import Estimator
    from rd3.synthetic import read_synthetic
    from rd3.training.device import pick_device

    target = load_target(options.target)
    synthetic = read_synthetic(options.synthetic, target=target, pixels=options.pixels)
    student = options.student or options.teacher_model
    settings, _ = load_protocol(options.protocol).resolve(target, synthetic.ipc, student)
    create_model(student, classes=len(target.classes), size=target.size, channels=target.channels, seed=0)
    teacher = get_teacher(options, target, options) if settings.soft else None
    workers = worker_count(options)
    estimator = Estimator(pick_device(options.device))
    with live(estimator.seconds, workers=workers) as listener:
        yield (
            synthetic,
            target,
            {
                "protocol": options.protocol,
                "teacher": teacher,
                "student": student,
                "seeds": options.seeds,
                "store": options.store(),
                "device": options.device,
                "workers": workers,
                "listener": listener,
            },
        )
