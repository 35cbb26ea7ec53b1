"""What a teacher makes of a set: a wrong normalisation, or classes in another order, costs it its accuracy there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from rd3.data.images import MemoryImages, as_unit
from rd3.data.mosaic import decoded, repeated
from rd3.squeeze.teacher import Teacher
from rd3.synthetic.artifact import Synthetic
from rd3.training.accuracy import predictions
from rd3.training.loop import Normalisation

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
