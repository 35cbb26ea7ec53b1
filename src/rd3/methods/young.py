"""What coresets share that look at networks in training, of the teacher's architecture and its recipe."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from rd3.base.keep import Place, kept
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.methods.base import Task
from rd3.methods.coreset import Ranked
from rd3.models import create_model
from rd3.models.footprint import footprint
from rd3.recover.looking import CPU, few_images, looking_bytes, stand_in
from rd3.squeeze.spec import recipe_for
from rd3.squeeze.teacher import Teacher
from rd3.squeeze.walk import walk
from rd3.training.loop import Normalisation, fit


class ScoredInTraining(Ranked):
    """Ranked by the mean of a score over networks early in training.

    Attributes:
        networks: that the score is averaged over.
        epochs: that each is trained for; 0 is before training.
    """

    networks: int = Field(default=10, ge=1)
    epochs: int = Field(default=20, ge=0)

    @staticmethod
    @abstractmethod
    def score(images: Tensor, labels: Tensor, network: Teacher) -> Tensor:
        """How hard normalised images (b, C, H, W) with labels (b,) are, float64 (b,)."""

    def difficulty(self, task: Task) -> Tensor:
        total = torch.zeros(len(task.target.train), dtype=torch.float64, device=task.device)
        for number in range(self.networks):
            place = Place(number + 1, self.networks, "networks")
            scores = kept(task.keep, f"network-{number}", lambda number=number: self.scores(task, number), place)  # type: ignore[misc]
            total += scores["scores"].to(task.device)
            task.progress((number + 1) / self.networks)
        return total / self.networks

    def scores(self, task: Task, number: int) -> dict[str, Tensor]:
        """How hard every training image is for one of the networks, float64 (N,)."""
        network = young_network(task, number=number, epochs=self.epochs)
        with torch.no_grad():
            parts = [self.score(*batch, network) for batch in walk(task.target.train, network, task.device)]
        return {"scores": torch.cat(parts)}

    def info(self, target: Target) -> dict[str, Any]:  # noqa: ARG002
        return {"teacher_forwards": 0, "own_networks": self.networks, "own_epochs": self.epochs}

    def looking_bytes(self, target: Target, name: str, device: torch.device) -> int:
        training = training_bytes(target, name, device) if self.epochs else 0
        return max(training, looking_bytes(target, name, device))

    def cost(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return self.networks * (self.epochs * len(target.train) + len(target.train) // 3)


def young_network(
    task: Task, *, number: int = 0, epochs: int, on_epoch: Callable[[int, nn.Module], None] = lambda *_: None
) -> Teacher:
    """A network of the teacher's architecture after some epochs of the target's teacher recipe.

    The rate decays over these epochs.

    Args:
        number: which of several.
        on_epoch: called after every epoch with its index from 0 and the network.
    """
    assert task.teacher is not None
    target, name, seed = task.target, task.teacher.name, derive_seed("coreset", task.seed, number)
    model = create_model(name, classes=target.num_classes, size=target.size, channels=target.channels, seed=seed).to(
        task.device
    )
    if epochs:
        fit(
            model,
            target.train.to(task.device),
            recipe_for(target).model_copy(update={"epochs": epochs}),
            normalisation=Normalisation(target.mean, target.std),
            seed=seed,
            on_epoch=on_epoch,
        )
    return Teacher(model, name, target.mean, target.std, target.classes, fingerprint="", test_accuracy=0.0, seconds=0.0)


def training_bytes(target: Target, name: str, device: torch.device) -> int:
    """Bytes of tensors at the peak of `young_network`, for an architecture."""
    teacher = stand_in(name, target)

    def train(count: int) -> object:
        return young_network(Task(few_images(target, count), teacher, ipc=1, seed=0, device=CPU), epochs=1)

    batch = min(recipe_for(target).batch_size, len(target.train))
    copied = 0 if device.type == "cpu" else len(target.train) * math.prod(target.train.shape)
    return footprint(train).at(batch) + copied + 16 * len(target.train)  # with the order of an epoch
