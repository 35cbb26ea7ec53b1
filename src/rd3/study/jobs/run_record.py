"""What a finished run leaves behind: its record, with everything that has to be said beside the number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

import rd3
from rd3.data.target import Target
from rd3.evaluation.judge import RunResult
from rd3.evaluation.settings import Settings
from rd3.evaluation.spec import RunSpec
from rd3.squeeze.teacher import Teacher
from rd3.study.jobs.teacher import NOTE, teacher_notes
from rd3.study.labellers import strangers
from rd3.study.records import Bytes, ProtocolMark, Record, Seconds
from rd3.synthetic.artifact import Synthetic
from rd3.synthetic.manifest import DISTILLED, Manifest
from rd3.training.device import environment

DIVERGED = "a student diverged: it ended with values that are NaN or infinite, so its accuracy says nothing"


@dataclass(frozen=True)
class RunNames:
    """What people call a run, and what has to be said beside its number; none of it decides the number.

    Attributes:
        mark: which protocol.
        method: label of the method.
        images: how many there are.
        flags: known before the run.
    """

    mark: ProtocolMark
    method: str
    images: int
    flags: tuple[str, ...]


def make_record(
    spec: RunSpec,
    names: RunNames,
    result: RunResult,
    *,
    target: Target,
    synthetic: Synthetic | None,
    teachers: Sequence[Teacher],
    device: torch.device,
) -> Record:
    """The record of a run on `synthetic`, or on the whole target without one."""
    made = synthetic.manifest if synthetic is not None else None
    return Record(
        fingerprint=spec.fingerprint,
        target=target.name,
        target_fingerprint=target.fingerprint,
        method=names.method,
        ipc=spec.ipc,
        draw=made.draw if made else 0,
        images=spec.images,
        teachers={teacher.fingerprint: teacher.test_accuracy for teacher in teachers},
        protocol=names.mark,
        settings=spec.settings,
        own_labels=spec.own_labels,
        loop_revision=spec.loop_revision,
        student=spec.student,
        replicate=spec.replicate,
        seed=spec.seed,
        accuracy=result.accuracy,
        peeked=result.peeked,
        curve=result.curve,
        lr=result.lr,
        rates=tuple(sorted(result.rates.items())),
        correct=result.correct,
        test_images=len(target.test),
        seconds=_seconds(made, teachers, result),
        bytes=Bytes(images=_image_bytes(target, synthetic), labels=result.label_bytes),
        teacher_forwards=result.teacher_forwards,
        peak_memory=result.peak_memory,
        aids=_aids(made),
        flags=(
            *names.flags,
            *([DIVERGED] if result.diverged else []),
            *strangers(spec.settings, names.mark.id, [teacher.name for teacher in teachers]),
            *_teacher_flags(made, teachers),
            *rate_flags(spec.settings, synthetic),
            *pixel_flags(spec.settings, synthetic),
        ),
        environment=environment(device, result.execution, not_captured=result.not_captured),
        rd3_version=rd3.__version__,
    )


def _seconds(made: Manifest | None, teachers: Sequence[Teacher], result: RunResult) -> Seconds:
    squeezed = {teacher.fingerprint: teacher.seconds for teacher in teachers}
    if made and made.teacher:
        squeezed |= made.seconds.teachers or {made.teacher: made.seconds.squeeze or 0.0}
    return Seconds(
        squeeze=sum(squeezed.values()),
        teachers=squeezed,
        synthesise=made.seconds.synthesise if made else 0.0,
        relabel=result.relabel_seconds,
        train=result.train_seconds,
        report=result.report_seconds,
    )


def _teacher_flags(made: Manifest | None, teachers: Sequence[Teacher]) -> list[str]:
    """What has to be said of the teachers that labelled, and of those that the images were made under."""
    own = made.info.get("flags", ()) if made is not None and made.origin == DISTILLED else ()
    return list(dict.fromkeys((*teacher_notes(teachers), *(flag for flag in own if flag.startswith(NOTE)))))


def pixel_flags(settings: Settings, synthetic: Synthetic | None) -> list[str]:
    """What becomes of float pixels where a protocol goes through 8-bit pictures."""
    if synthetic is None or not synthetic.images.is_floating_point():
        return []
    through = [step.kind for step in settings.recipe().augment if step.on_levels]
    through += ["jpeg_quality"] if settings.jpeg_quality is not None else []
    return [f"its float pixels are clamped and rounded to 8 bits by {', '.join(through)}"] if through else []


def rate_flags(settings: Settings, synthetic: Synthetic | None) -> list[str]:
    """What becomes of a learning rate that the method learned: a protocol treats all images alike."""
    learned = synthetic.learned_lr if synthetic is not None else None
    if learned is None:
        return []
    rates = settings.lr_search or (settings.lr,)
    if any(abs(rate - learned) <= 1e-5 * learned for rate in rates):
        return []
    where = "among the rates that are searched" if settings.lr_search else "used: the protocol has one rate for all"
    return [f"its learned rate {learned:.6g} is not {where}"]


def _aids(made: Manifest | None) -> tuple[str, ...]:
    """What a method declared; nobody declares it for a set from elsewhere."""
    if made is None:
        return ()
    return made.aids if made.origin == DISTILLED else ("undeclared",)


def _image_bytes(target: Target, synthetic: Synthetic | None) -> int:
    return len(target.train) * math.prod(target.train.shape) if synthetic is None else synthetic.image_bytes
