"""Statistics of the real training set inside a teacher, class by class, from one pass over it.

Recovery pulls the statistics of optimised images to these where a network's own running averages are not enough: for
single classes (LPLD, WMDD, EDC) and for the inputs of convolutions (G-VBSM, EDC).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from rd3.base.keep import Shelf
from rd3.data.images import Images
from rd3.data.target import Target
from rd3.squeeze.readings import Reading, image_moments, layers_of
from rd3.squeeze.state_dict import content_hash
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.walk import walk
from rd3.training.device import kernels_of


@dataclass(frozen=True)
class ClassStatistics:
    """Statistics of what enters one layer, for K classes and G groups of values (channels, or tiles).

    Attributes:
        count: images of every class, (K,).
        mean: over all values of a class, (K, G).
        variance: biased, over all values of a class, (K, G).
        within: mean over a class's images of the biased variance inside each, (K, G); the rest of `variance` is the
            spread of the images' means.
    """

    count: Tensor
    mean: Tensor
    variance: Tensor
    within: Tensor

    def overall(self) -> tuple[Tensor, Tensor]:
        """Mean and biased variance over all classes together, (G,) each."""
        share = (self.count / self.count.sum())[:, None]
        mean = (share * self.mean).sum(0)
        return mean, (share * (self.variance + (self.mean - mean).square())).sum(0)

    def to(self, device: torch.device, dtype: torch.dtype) -> ClassStatistics:
        return ClassStatistics(
            *(value.to(device, dtype) for value in (self.count, self.mean, self.variance, self.within))
        )


FIELDS = fields(ClassStatistics)


class Watched(NamedTuple):
    """What the bank knows: the inputs of all layers of a kind (`bn` or `conv`), as a reading groups them."""

    kind: str
    reading: Reading


Facts = dict[Watched, dict[str, Any]]
Bank = dict[Watched, list[ClassStatistics]]  # the statistics of every layer in the order of registration, float64

BANK_REVISION = 1  # raised whenever the same teacher and target would give other bits than before

_BANKS: MutableMapping[nn.Module, MutableMapping[Images, Bank]] = WeakKeyDictionary()


def statistics_bank(
    teacher: Teacher, target: Target, wanted: Iterable[Watched], *, device: torch.device, shelf: Shelf | None = None
) -> Bank:
    """The wanted statistics of the training set, un-augmented, in one pass for all that were not asked for before.

    Args:
        shelf: where they are kept, by the teacher's weights and the target's fingerprint; None keeps them in memory
            for as long as the teacher's network and the training set are there.
    """
    wanted = list(dict.fromkeys(wanted))
    facts = _facts(wanted, teacher, target, device) if shelf else {}
    if shelf is None:
        bank = _BANKS.setdefault(teacher.model, WeakKeyDictionary()).setdefault(target.train, {})
    else:
        bank = _shelved(shelf, facts)
    missing = [one for one in wanted if one not in bank]
    if missing:
        start = time.perf_counter()
        bank.update(_collect(teacher, target, missing, device))
        seconds = (time.perf_counter() - start) / len(missing)
        for one in missing if shelf else ():
            shelf.save(facts[one], _as_tensors(bank[one]), seconds=seconds)  # type: ignore[union-attr]
    return bank


def _shelved(shelf: Shelf, facts: Facts) -> Bank:
    found = {one: shelf.load(own) for one, own in facts.items()}
    return {one: _of_tensors(tensors) for one, tensors in found.items() if tensors is not None}


def _facts(wanted: list[Watched], teacher: Teacher, target: Target, device: torch.device) -> Facts:
    """All that decides the bits of each; a teacher that was squeezed anew has the fingerprint of the first."""
    shared = {
        "teacher": teacher.fingerprint,
        "weights": content_hash(teacher.model.state_dict()),
        "target": target.fingerprint,
        "revision": BANK_REVISION,
        "torch": torch.__version__,
        "device": kernels_of(device),
    }
    return {one: {**shared, "layers": one.kind, "reading": repr(one.reading)} for one in wanted}


def _as_tensors(layers: list[ClassStatistics]) -> dict[str, Tensor]:
    return {f"{number}.{field.name}": getattr(one, field.name) for number, one in enumerate(layers) for field in FIELDS}


def _of_tensors(tensors: Mapping[str, Tensor]) -> list[ClassStatistics]:
    return [
        ClassStatistics(*(tensors[f"{number}.{field.name}"] for field in FIELDS))
        for number in range(len(tensors) // len(FIELDS))
    ]


@torch.no_grad()
def _collect(teacher: Teacher, target: Target, wanted: list[Watched], device: torch.device) -> Bank:
    model = copy.deepcopy(teacher.model).to(device).eval()  # hooks leave the given network as it is
    sums = {one: [_Sums(target.num_classes) for _ in layers_of(model, one.kind)] for one in wanted}
    labels = torch.zeros(0, dtype=torch.int64)

    def watch(layer: nn.Module, own: _Sums, reading: Reading) -> None:
        def add(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            own.add(*image_moments(reading(inputs[0])), labels)

        layer.register_forward_pre_hook(add)

    for one, per_layer in sums.items():
        for layer, own in zip(layers_of(model, one.kind), per_layer, strict=True):
            watch(layer, own, one.reading)
    for images, labels in walk(target.train, teacher, device):  # noqa: B007 - the hooks read the labels
        model(images)
    return {one: [own.statistics() for own in per_layer] for one, per_layer in sums.items()}


class _Sums:
    """Sums over images, class by class, in float64."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._count: Tensor | None = None

    def add(self, mean: Tensor, variance: Tensor, labels: Tensor) -> None:
        """Moments (b, G) of single images."""
        if self._count is None:
            self._count = torch.zeros(self._classes, dtype=torch.float64, device=mean.device)
            self._sums = torch.zeros(3, self._classes, mean.shape[1], dtype=torch.float64, device=mean.device)
        self._count.index_add_(0, labels, torch.ones_like(labels, dtype=torch.float64))
        mean = mean.double()
        self._sums.index_add_(1, labels, torch.stack([mean, mean.square(), variance.double()]))

    def statistics(self) -> ClassStatistics:
        assert self._count is not None, "the layer was never reached"
        mean, square, within = self._sums / self._count.clamp(min=1)[:, None]
        return ClassStatistics(self._count, mean, within + (square - mean.square()).clamp(min=0), within)
