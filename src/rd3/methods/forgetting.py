"""Forgetting: real images that a network in training gets right and then wrong again most often.

Paper: Toneva et al., An Empirical Study of Example Forgetting during Deep Neural Network Learning, ICLR 2019,
    arXiv 1812.05159.
Config: one network over 200 epochs. An image that is never right counts as forgotten more often than any other.
Differences: images are looked at after every epoch and without augmentation (the paper: in the batches they are
    trained in); the network has the teacher's architecture and the target's teacher recipe; ranks within classes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from rd3.data.target import Target
from rd3.methods.base import METHODS, Task
from rd3.methods.coreset import Ranked
from rd3.methods.young import training_bytes, young_network
from rd3.recover.looking import looking_bytes
from rd3.training.accuracy import correctness, images_judged_at_once
from rd3.training.loop import Normalisation


@METHODS.add("forgetting")
class Forgetting(Ranked):
    """By the number of forgetting events.

    Attributes:
        epochs: of training.
    """

    title: ClassVar[str] = "Forgetting"
    paper: ClassVar[str] = "arXiv 1812.05159"

    epochs: int = Field(default=200, ge=1)

    def difficulty(self, task: Task) -> Tensor:
        history: list[Tensor] = []
        normalisation, train = Normalisation(task.target.mean, task.target.std), task.target.train.to(task.device)

        def look(epoch: int, model: nn.Module) -> None:
            history.append(correctness(model, train, normalisation=normalisation))
            task.progress((epoch + 1) / self.epochs)

        young_network(task, epochs=self.epochs, on_epoch=look)
        return forgetting_events(torch.stack(history)).double()

    def info(self, target: Target) -> dict[str, Any]:  # noqa: ARG002
        return {"teacher_forwards": 0, "own_networks": 1, "own_epochs": self.epochs}

    def looking_bytes(self, target: Target, name: str, device: torch.device) -> int:
        history = 3 * self.epochs * len(target.train)  # one by one, together, and from one to the next
        judging = looking_bytes(target, name, device, at_once=images_judged_at_once(target.train.shape, device))
        return max(training_bytes(target, name, device), judging) + history

    def cost(self, target: Target, ipc: int) -> int:  # noqa: ARG002
        return self.epochs * (len(target.train) + len(target.train) // 3)


def forgetting_events(right: Tensor) -> Tensor:
    """How often images go from right to wrong, int64 (N,); one more than is possible for what is never right.

    Args:
        right: bool (epochs, N).

    >>> forgetting_events(torch.tensor([[1, 0, 1], [0, 0, 1], [1, 0, 1], [0, 0, 1]]).bool()).tolist()
    [2, 4, 0]
    """
    events = (right[:-1] & ~right[1:]).sum(0)
    return torch.where(right.any(0), events, len(right))
