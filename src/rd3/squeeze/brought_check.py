"""What the test split says of a teacher from elsewhere: its accuracy, the order of its classes, its normalisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.stats import binomtest
from torch import nn

from rd3.base.errors import UserError
from rd3.data.images import Images, MemoryImages
from rd3.data.target import Target
from rd3.squeeze.brought_order import LIKELY, WORTH_SAYING, confusion_of, order_notes, order_words, other_order
from rd3.training.accuracy import correctness, predictions
from rd3.training.loop import Normalisation

EXPLAINED = 0.2  # accuracy that another order, or another normalisation, must add to be named the cause
LOOKED_AT = 256  # test images on which other normalisations are tried

COMMON = {
    "of ImageNet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "(x - 0.5) / 0.5": ((0.5,), (0.5,)),
    "pixels in [0, 1]": ((0.0,), (1.0,)),
    "pixels in 0..255": ((0.0,), (1 / 255,)),
}


class Better(NamedTuple):
    """A normalisation under which a network is right more often; `gain` is in accuracy, on the images looked at."""

    name: str
    normalisation: Normalisation
    gain: float

    def __str__(self) -> str:
        used = self.normalisation
        mean, std = (", ".join(f"{value:.4g}" for value in values) for values in (used.mean, used.std))
        return f"{100 * self.gain:.1f} points more with the normalisation {self.name}: mean = [{mean}], std = [{std}]"


def check_teacher(
    model: nn.Module, target: Target, normalisation: Normalisation, *, name: str, device: torch.device
) -> tuple[float, tuple[str, ...]]:
    """Accuracy on the test split, and what is worth saying about it.

    Raises:
        UserError: the teacher would be right under another order of the classes or another normalisation, or is wrong
            altogether.
    """
    test = target.test.to(device)
    predicted = predictions(model, test, normalisation=normalisation).cpu().numpy()
    confusion = confusion_of(target.test.labels.cpu().numpy(), predicted, target.num_classes)
    accuracy = float(np.trace(confusion) / confusion.sum())
    found = f"{name}: {accuracy:.1%} on the test split of {target.name}"
    better = better_normalisation(model, target, normalisation, device)
    reordered, order = other_order(confusion)
    if better is not None and better.gain > max(EXPLAINED, reordered - accuracy):
        raise UserError(f"{found}, but {better}")
    if reordered - accuracy > EXPLAINED:
        raise UserError(f"{found}, but {reordered:.1%} {order_words(order, target)}")
    if accuracy < 1.5 / target.num_classes:
        raise UserError(f"{found} is chance; give the mean and std it was trained with, or another file")
    notes = [f"on the test split {better}"] if better is not None else []
    return accuracy, (*notes, *order_notes(confusion, order, target))


def better_normalisation(model: nn.Module, target: Target, used: Normalisation, device: torch.device) -> Better | None:
    """The common normalisation that adds most, if that is more than luck: a sign test on the images that differ."""
    images = _some(target.test).to(device)
    right = correctness(model, images, normalisation=used)
    tried = {name: value for name, value in _common(target).items() if value != used}
    found = []
    for name, other in tried.items():
        others = correctness(model, images, normalisation=other)
        won, lost = int((others & ~right).sum()), int((right & ~others).sum())
        gain = (won - lost) / len(images)
        if gain >= WORTH_SAYING and binomtest(won, won + lost, alternative="greater").pvalue * len(tried) < LIKELY:
            found.append(Better(name, other, gain))
    return max(found, key=lambda one: one.gain, default=None)


def _common(target: Target) -> dict[str, Normalisation]:
    own = {"of the target": Normalisation(target.mean, target.std)}
    return own | {
        name: Normalisation(*(values * (target.channels // len(values)) for values in pair))
        for name, pair in COMMON.items()
        if len(pair[0]) in (1, target.channels)
    }


def _some(images: Images) -> MemoryImages:
    """Images all over the split, no more than are needed for an opinion."""
    count = min(len(images), LOOKED_AT)
    chosen = torch.arange(count, device=images.labels.device) * len(images) // count
    return MemoryImages(images.batch(chosen), images.labels[chosen])
