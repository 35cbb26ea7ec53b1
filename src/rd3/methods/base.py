"""What a method is: a frozen config that makes images. One file per method; the file names its paper."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from pydantic import SerializerFunctionWrapHandler, model_serializer
from torch import Tensor

from rd3.base.errors import UserError
from rd3.base.keep import NOWHERE, Keep, Shelf
from rd3.base.plugin_classes import PluginRegistry
from rd3.base.spec import Spec
from rd3.data.mosaic import Decode
from rd3.data.spaces import PixelSpace
from rd3.data.target import Target
from rd3.squeeze.teacher import Teacher


@dataclass(frozen=True)
class Task:
    """What a method is asked to do.

    Attributes:
        ipc: images per class.
        seed: of everything the method draws.
        progress: called with the done fraction in [0, 1], now and then.
        teachers: the pool, for methods that use several; `teacher` is its first, and alone where no pool is given.
        keep: where finished parts of the work, or the state of its loop, are kept and looked for.
        shelf: where statistics of the target are kept for others; None keeps them in memory.
        trajectories: where networks' training trajectories are kept for others; None keeps them in memory.
    """

    target: Target
    teacher: Teacher | None
    ipc: int
    seed: int
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    progress: Callable[[float], None] = lambda _: None
    teachers: tuple[Teacher, ...] = ()
    keep: Keep = NOWHERE
    shelf: Shelf | None = None
    trajectories: Shelf | None = None

    def __post_init__(self) -> None:
        if not self.teachers and self.teacher is not None:
            object.__setattr__(self, "teachers", (self.teacher,))
        if self.teacher is None and self.teachers:
            object.__setattr__(self, "teacher", self.teachers[0])
        assert not self.teachers or self.teachers[0] is self.teacher, "the teacher is the first of its pool"

    @property
    def labels(self) -> Tensor:
        """int64 (classes · ipc,) on the task's device, class by class."""
        return torch.arange(self.target.num_classes, device=self.device).repeat_interleave(self.ipc)

    def generator(self) -> torch.Generator:
        """A fresh generator on the task's device, seeded with the task's seed."""
        return torch.Generator(self.device).manual_seed(self.seed)


@dataclass(frozen=True)
class Distilled:
    """What a method made: images (N, C, H, W), int64 labels (N,), and optional extras.

    Attributes:
        images: uint8; or float32, 0 black and 1 white, not clamped.
        soft_labels: float (N, classes), one row an image, of the form that the method's `soft_label_form` names; or
            None.
        learned_lr: the student's learning rate that the method learned, or None.
        info: numbers worth keeping, for instance `teacher_forwards` (images that went through a teacher).
        decode: how every image, a mosaic, becomes several; None where it is one.
        space: in which the pixels were learned, for information: `images` are raw.
    """

    images: Tensor
    labels: Tensor
    soft_labels: Tensor | None = None
    learned_lr: float | None = None
    info: dict[str, Any] = field(default_factory=dict)
    decode: Decode | None = None
    space: PixelSpace | None = None


class Method(Spec):
    """Base of all methods: the fields of a subclass are its settings, and their defaults the paper's.

    Class attributes:
        title, paper: for people; what lives elsewhere may go without.
        needs_teacher: whether `Task.teacher` must be given.
        wants_pool: whether the paper's settings use all of `Task.teachers`, not only the first.
        aids: what it is helped by, for the declaration in rankings: 'teacher', 'teacher pool', 'diffusion prior',
            'real patches', 'real images', 'extra data'. A study adds 'pretrained teacher' where the teacher was.
        soft_labels: whether it gives soft labels.
        soft_label_form: what those are (`rd3.synthetic.soft_labels`).
        fresh_draws: whether every replicate of an evaluation takes a new draw (random subsets do).
        revision: raised whenever the same settings would give other images than before.
        later: settings that were added after sets of this method were made. Left at their defaults they are not
            written, so that those sets keep their fingerprints; such a default must never change.
    """

    title: ClassVar[str]
    paper: ClassVar[str]
    needs_teacher: ClassVar[bool] = True
    wants_pool: ClassVar[bool] = False
    aids: ClassVar[tuple[str, ...]] = ()
    soft_labels: ClassVar[bool] = False
    soft_label_form: ClassVar[Literal["logits", "probabilities", "unnormalised", "centred"]] = "logits"
    fresh_draws: ClassVar[bool] = False
    revision: ClassVar[int] = 1
    later: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_unused(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        unused = {name for name in self.later if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in fields(self).items() if name not in unused}

    @classmethod
    def settings_for(cls, target: Target, ipc: int) -> dict[str, Any]:  # noqa: ARG003
        """The paper's settings for this target and IPC where they differ from the fields' defaults."""
        return {}

    @abstractmethod
    def distill(self, task: Task) -> Distilled:
        """Make `task.ipc` images per class, class by class in label order."""

    def unordered(self) -> str | None:
        """An operation of the method whose sums a GPU adds up in any order, so that the same images come out only to
        within rounding; None where there is none."""
        return None

    def declared_aids(self) -> tuple[str, ...]:
        """`aids`, and what the settings add to them."""
        return self.aids

    @abstractmethod
    def memory(self, target: Target, ipc: int, teachers: Sequence[str], device: torch.device) -> int:
        """Bytes that the memory of the device grows by at most while images are made, the target and teachers there.

        Args:
            teachers: architectures of the pool, the teacher's first; empty for methods that need none.
        """

    def cost(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        """Images that go through a network, forward and backward, in all: for estimates of time."""
        return 0


METHODS: PluginRegistry[type[Method]] = PluginRegistry("method", "rd3.methods", base=Method, group="rd3.methods")


def require_enough(target: Target, ipc: int) -> None:
    """Refuse an IPC below 1, or one that the smallest class cannot serve.

    Raises:
        UserError: names the class and how many images it has.
    """
    if ipc < 1:
        raise UserError(f"ipc = {ipc}: expected at least 1 image per class")
    counts = torch.bincount(target.train.labels.cpu(), minlength=len(target.classes))
    least = int(counts.argmin())
    if ipc > int(counts[least]):
        raise UserError(f"ipc = {ipc}: class '{target.classes[least]}' has only {int(counts[least])} training images")
