"""One student: trained at one learning rate, and tested."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from rd3.base.seeds import derive_seed
from rd3.data.images import Images
from rd3.data.target import Target
from rd3.evaluation.labelling import SoftLabelling
from rd3.evaluation.pictures import Pictures
from rd3.evaluation.settings import Settings
from rd3.models import create_model
from rd3.training.accuracy import correctness
from rd3.training.execution import PLAIN, Execution
from rd3.training.loop import Clock, fit


@dataclass
class Trial:
    """One student, trained at one learning rate.

    Attributes:
        lr: that rate.
        curve: (epochs done, test accuracy).
        accuracy: on the test split, as `report` says.
        correct: per test image, at the epoch of that accuracy.
        held_out: accuracy on the held-out images after the last epoch, None where there are none.
        diverged: whether a weight or running statistic was NaN or infinite after the last epoch; the accuracy then says
            nothing.
        clock: where the time went.
    """

    lr: float
    curve: list[tuple[int, float]] = field(default_factory=list)
    accuracy: float = -1.0
    correct: Tensor = field(default_factory=lambda: torch.zeros(0))
    held_out: float | None = None
    diverged: bool = False
    clock: Clock = field(default_factory=Clock)

    @property
    def chosen_by(self) -> float:
        """What rates are compared by."""
        return self.accuracy if self.held_out is None else self.held_out


def train_and_test(
    pictures: Pictures,
    labels: SoftLabelling,
    *,
    target: Target,
    settings: Settings,
    student: str,
    seed: int,
    execution: Execution = PLAIN,
) -> Trial:
    """Train a fresh student on `pictures.train`; a function of all that is given."""
    trial = Trial(settings.lr)
    looked_at = settings.looked_at_epochs()

    def right(network: nn.Module, images: Images) -> Tensor:
        normalisation, resize = pictures.normalisation, settings.validation_resize
        return correctness(network, images, normalisation=normalisation, resize=resize, execution=execution)

    def report(epoch: int, network: nn.Module) -> None:
        correct = right(network, pictures.test)
        accuracy = int(correct.sum()) / len(correct)
        trial.curve.append((epoch + 1, accuracy))
        if epoch in looked_at and accuracy > trial.accuracy:
            trial.accuracy, trial.correct = accuracy, correct
        if epoch < settings.epochs - 1:
            return
        trial.diverged = not all(bool(values.isfinite().all()) for values in network.state_dict().values())
        if pictures.held_out is not None:
            trial.held_out = int(right(network, pictures.held_out).sum()) / len(pictures.held_out)

    model = create_model(
        student,
        classes=len(target.classes),
        size=target.size,
        channels=target.channels,
        seed=derive_seed("student init", seed),
    )
    trial.clock = fit(
        model.to(pictures.train.labels.device),
        pictures.train,
        settings.recipe(),
        normalisation=pictures.normalisation,
        seed=derive_seed("student run", seed),
        soft_labels=labels.online,
        static_labels=labels.static,
        execution=execution,
        on_epoch=report,
        reported=settings.reported_epochs() | looked_at,  # the last among them
    )
    return trial
