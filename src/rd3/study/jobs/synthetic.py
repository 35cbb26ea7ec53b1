"""Distillation as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import Field

from rd3.base.blame import plugins_blamed
from rd3.base.keep import Place
from rd3.base.plugin import require_same_sources, source_notes
from rd3.base.seeds import derive_seed
from rd3.base.spec import Spec, fingerprint_of, parse
from rd3.data.target import Target
from rd3.methods.base import METHODS, Distilled, Method, Task
from rd3.methods.returned import require_bytes, require_distilled
from rd3.models.plugin import model_sources
from rd3.study.jobs.base import Job, JobKey, Progress
from rd3.study.jobs.teacher import TeacherJob, pretrained_aid, stored_teacher, teacher_notes
from rd3.study.meter import Meter
from rd3.study.partial import discard, partial_of
from rd3.study.shelf import StatisticsShelf, TrajectoryShelf
from rd3.study.store import Store
from rd3.synthetic.artifact import Manifest, Memory, Seconds, Synthetic
from rd3.training.device import peak_memory

FOLDER = "synthetic"


class SyntheticSpec(Spec):
    """Everything that decides a method's images.

    Attributes:
        method, settings: the method and all its settings, defaults included.
        changed: the settings that differ from the paper's for this target and IPC.
        target, teacher: fingerprints.
        pool: fingerprints of further teachers, for methods that use several.
        draw: which independent synthesis, from 0.
        sources: digests of the source of plug-ins among the method and the networks that its settings name.
    """

    method: str
    settings: dict[str, Any]
    changed: tuple[str, ...] = ()
    revision: int
    target: str
    teacher: str | None
    pool: tuple[str, ...] = ()
    ipc: int
    draw: int = 0
    sources: dict[str, str] = Field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        facts = {**self.as_json(), "changed": None}
        for later in ("pool", "sources"):  # sets without them keep the fingerprints they had before there were any
            if not facts[later]:
                del facts[later]
        return fingerprint_of("synthetic", facts)

    @property
    def label(self) -> str:
        """The method's name with what was changed, for instance `sre2l[init=real]`."""
        if not self.changed:
            return self.method
        return f"{self.method}[{','.join(f'{name}={self.settings[name]}' for name in self.changed)}]"

    @property
    def seed(self) -> int:
        """Made of the draw, not of the method: methods that start from the same images get the same."""
        return derive_seed("draw", self.target, self.ipc, self.draw)


@plugins_blamed()
def synthetic_spec(
    name: str,
    target: Target,
    *,
    ipc: int,
    teacher: str | None,
    pool: tuple[str, ...] = (),
    draw: int = 0,
    changes: dict[str, Any] | None = None,
) -> SyntheticSpec:
    """The spec of `name` on `target` with the paper's settings, less `changes`.

    Args:
        teacher: fingerprint of the teacher; left out of the spec for methods that need none.
        pool: fingerprints of further teachers; left out for methods that use one.
    """
    method_class = METHODS[name]
    paper = parse(method_class, method_class.settings_for(target, ipc), where=f"method {name}").as_json()
    method = parse(method_class, {**paper, **(changes or {})}, where=f"method {name}")
    settings = method.as_json()
    return SyntheticSpec(
        method=name,
        settings=settings,
        changed=tuple(sorted(key for key in settings if key not in paper or settings[key] != paper[key])),
        revision=method.revision,
        target=target.fingerprint,
        teacher=teacher if method.needs_teacher else None,
        pool=pool if method.wants_pool else (),
        ipc=ipc,
        draw=draw,
        sources=sources_of(name, settings),
    )


def sources_of(method: str, settings: dict[str, Any]) -> dict[str, str]:
    """Digests of the source of all that lives elsewhere and makes a method's images; empty for a method of rd3."""
    return {**METHODS.source(method), **model_sources(settings)}


@dataclass(frozen=True)
class SyntheticJob(Job):
    """Make one synthetic.

    Attributes:
        teacher_model, pool_models: architectures of the teacher, and of the others of a pool.
        images_through_network: forward and backward, in all.
    """

    kind: ClassVar[str] = "synthetic"
    spec: SyntheticSpec
    teacher_model: str | None
    images_through_network: int
    pool_models: tuple[str, ...] = ()

    @property
    def fingerprint(self) -> str:
        return self.spec.fingerprint

    @property
    def needs(self) -> tuple[JobKey, ...]:
        return tuple(JobKey(TeacherJob.kind, teacher) for teacher in self._teachers())

    def _teachers(self) -> tuple[str, ...]:
        return (self.spec.teacher, *self.spec.pool) if self.spec.teacher else ()

    @property
    def title(self) -> str:
        draw = f", draw {self.spec.draw}" if self.spec.draw else ""
        return f"distill {self.spec.label}, IPC {self.spec.ipc}{draw}"

    def load_units(self) -> tuple[str, int, float]:
        batch = 100
        return self.teacher_model or "", batch, self.images_through_network / batch

    def method(self) -> Method:
        return parse(METHODS[self.spec.method], self.spec.settings, where=f"method {self.spec.method}")

    @plugins_blamed()
    def memory(self, device: torch.device) -> int:
        """Bytes that the synthesis takes at most, see `Method.memory`."""
        models = (self.teacher_model, *(self.pool_models if self.spec.pool else ()))
        known = tuple(model for model in models if model is not None)
        return self._stated(self.method(), self.target(), known, device)

    def _stated(self, method: Method, target: Target, teachers: Sequence[str], device: torch.device) -> int:
        name = f"method plug-in '{self.spec.method}'"
        return require_bytes(method.memory(target, self.spec.ipc, teachers, device), name=name)

    def execute(self, store: Store, device: torch.device, progress: Progress) -> None:
        require_same_sources(self.spec.sources, sources_of(self.spec.method, self.spec.settings))
        target, method = self.target(), self.method()
        teachers = tuple(stored_teacher(store, one, target).to(device) for one in self._teachers())
        stated = self._stated(method, target, [teacher.name for teacher in teachers], device)
        meter = Meter(device)
        partial = partial_of(store, self, device, meter)
        task = Task(
            target,
            teachers[0] if teachers else None,
            ipc=self.spec.ipc,
            seed=self.spec.seed,
            device=device,
            progress=progress,
            teachers=teachers,
            keep=partial,
            shelf=StatisticsShelf(store, meter),
            trajectories=TrajectoryShelf(store, meter),
        )
        made = method.distill(task)
        if METHODS.is_plugin(self.spec.method):
            require_distilled(made, task, method, name=f"method plug-in '{self.spec.method}'")
        assert method.soft_labels or made.soft_labels is None, (
            f"{self.spec.method}: class attribute soft_labels is unset"
        )
        manifest = self._manifest(task, method, made, meter, stated)
        synthetic = Synthetic(made.images.cpu(), made.labels.cpu(), made.soft_labels, made.learned_lr, manifest)
        store.put(self.kind, self.fingerprint, self.spec.as_json(), lambda folder: synthetic.save(folder / FOLDER))
        discard(store, self.key)

    def left_off(self, store: Store, device: torch.device) -> Place | None:
        return partial_of(store, self, device).place

    def _manifest(self, task: Task, method: Method, made: Distilled, meter: Meter, stated: int) -> Manifest:
        squeezed = {teacher.fingerprint: teacher.seconds for teacher in task.teachers}
        return Manifest(
            method=self.spec.label,
            settings=self.spec.settings,
            target=task.target.name,
            target_fingerprint=task.target.fingerprint,
            classes=task.target.classes,
            ipc=self.spec.ipc,
            draw=self.spec.draw,
            seed=self.spec.seed,
            teacher=self.spec.teacher,
            aids=(*_aids(method, task), *pretrained_aid(task.teachers)),
            seconds=Seconds(squeeze=sum(squeezed.values()), teachers=squeezed, synthesise=meter.seconds),
            peak_memory_bytes=peak_memory(task.device),
            memory=Memory(stated=stated, grown=meter.bytes),
            fingerprint=self.fingerprint,
            info=_info(made, task, method, self.spec.sources),
            soft_label_form=None if made.soft_labels is None else method.soft_label_form,
            decode=made.decode,
            space=made.space,
        )


def _info(made: Distilled, task: Task, method: Method, sources: dict[str, str]) -> dict[str, Any]:
    """What the method says, and among its flags what has to be said of its teachers, of plug-ins and of a GPU."""
    notes = (*teacher_notes(task.teachers), *source_notes(sources), *order_notes(method, task.device))
    return {**made.info, "flags": [*made.info.get("flags", ()), *notes]} if notes else made.info


def order_notes(method: Method, device: torch.device) -> tuple[str, ...]:
    """Why the same work would not give the same bits again."""
    unordered = method.unordered() if device.type == "cuda" else None
    return () if unordered is None else (f"not the same bits again: {unordered}",)


def _aids(method: Method, task: Task) -> tuple[str, ...]:
    """What helped; a pool of one is a teacher."""
    return tuple(aid for aid in method.declared_aids() if aid != "teacher pool" or len(task.teachers) > 1)


def stored_synthetic(store: Store, fingerprint: str) -> Synthetic:
    """A synthetic from the store."""
    return Synthetic.load(store.path(SyntheticJob.kind, fingerprint) / FOLDER)
