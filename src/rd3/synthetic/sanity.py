"""What a teacher makes of a set: a wrong normalisation, or classes in another order, costs it its accuracy there."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from rd3.data.images import MemoryImages, as_levels, as_unit
from rd3.data.mosaic import decoded, repeated
from rd3.data.target import Target
from rd3.squeeze.teacher import Teacher
from rd3.synthetic.artifact import Synthetic
from rd3.training.accuracy import predictions
from rd3.training.loop import Normalisation

CHUNK = 4096
REORDER_GAIN = 0.2  # a better class order must explain at least this much accuracy to be named


@dataclass(frozen=True)
class Sanity:
    """A teacher's accuracy on a set's images, as fractions.

    Attributes:
        accuracy: with the labels as they are read.
        reordered: with the one-to-one renaming of classes that suits the teacher best.
    """

    accuracy: float
    reordered: float

    @property
    def words(self) -> str:
        """For people, one line."""
        text = f"right on {self.accuracy:.0%} of the images"
        if self.reordered - self.accuracy >= REORDER_GAIN:
            text += f", and on {self.reordered:.0%} with the classes in another order: say which with classes"
        return text


def leaked(synthetic: Synthetic, target: Target) -> int:
    """How many images of a set are, rounded to bytes, test images of the target."""
    own = [picture.numpy().tobytes() for picture in as_levels(synthetic.images).cpu()]
    test: set[bytes] = set()
    for part in torch.arange(len(target.test), device=target.test.labels.device).split(CHUNK):
        test |= {sha256(picture.tobytes()).digest() for picture in target.test.batch(part).cpu().numpy()}
    return sum(sha256(picture).digest() in test for picture in own)


def sanity(synthetic: Synthetic, teacher: Teacher) -> Sanity:
    """A teacher's accuracy on the images of a set, mosaics decoded."""
    images, labels = as_unit(synthetic.images), synthetic.labels
    if synthetic.manifest.decode is not None:
        images = decoded(images, synthetic.manifest.decode)
        labels = repeated(labels, synthetic.manifest.decode)
    normalisation = Normalisation(teacher.mean, teacher.std)
    device = next(teacher.model.parameters()).device
    shown = MemoryImages(images, labels).to(device)
    predicted = predictions(teacher.model, shown, normalisation=normalisation).cpu().numpy()
    confusion = np.zeros((len(synthetic.classes),) * 2)
    np.add.at(confusion, (labels.cpu().numpy(), predicted), 1)
    rows, columns = linear_sum_assignment(confusion, maximize=True)
    right = float(torch.from_numpy(confusion).trace())
    return Sanity(right / len(labels), float(confusion[rows, columns].sum()) / len(labels))
