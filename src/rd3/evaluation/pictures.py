"""What a student is trained and tested on: the images as a protocol has them prepared, and how they are normalised."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from rd3.data.images import Images
from rd3.data.target import Target
from rd3.data.whitening import whitening_of
from rd3.evaluation.settings import NORMALISATIONS, Settings
from rd3.evaluation.whitening import whitened, whitened_test
from rd3.training.loop import Normalisation


@dataclass(frozen=True)
class Pictures:
    """Images on the device of a run.

    Attributes:
        train: what the student is trained on.
        test: the target's test split.
        held_out: real training images to choose a learning rate on, or None.
        normalisation: the student's, of all of them.
    """

    train: Images
    test: Images
    held_out: Images | None
    normalisation: Normalisation


def prepared(
    train: Images, *, held_out: Images | None, settings: Settings, target: Target, device: torch.device
) -> Pictures:
    """The images of a run on its device, whitened where the settings say so."""
    train, test = train.to(device), target.test.to(device)
    held_out = None if held_out is None else held_out.to(device)
    if settings.zca is not None:
        kind, epsilon = settings.zca_kind, settings.zca
        whiten = whitening_of(target, kind, epsilon, device)
        train, test = whitened(train, whiten), whitened_test(target, kind, epsilon, device)
        held_out = None if held_out is None else whitened(held_out, whiten)
    return Pictures(train, test, held_out, student_normalisation(settings, target))


def student_normalisation(settings: Settings, target: Target) -> Normalisation:
    """What the student's input is normalised with; the teacher has its own. Whitened images are left as they are."""
    if settings.zca is not None:
        return Normalisation((0.0,) * target.channels, (1.0,) * target.channels)
    if settings.normalisation == "target":
        return Normalisation(target.mean, target.std)
    return Normalisation(*NORMALISATIONS[settings.normalisation])
