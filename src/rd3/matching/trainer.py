"""Training the networks that gradients and features are matched under, a step at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from rd3.matching.loop import State
from rd3.training.augment.base import Augmentation
from rd3.training.losses import Labels, ce
from rd3.training.mix import Mix


class Trainer:
    """SGD on cross-entropy.

    Args:
        network: on the device of the images; trained in place.
        lr, momentum, weight_decay: of SGD.
        augmentation: drawn for every image of a batch, on normalised images; or None.
        mix: after it, or None.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        augmentation: Augmentation | None = None,
        mix: Mix | None = None,
    ) -> None:
        self.network = network
        self._optimiser = torch.optim.SGD(network.parameters(), lr, momentum=momentum, weight_decay=weight_decay)
        self._augmentation, self._mix = augmentation, mix

    def step(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """One step on normalised images (B, C, S, S); returns the logits that it learned from."""
        size, shown = images.shape[-1], Labels(hard=labels)
        if self._augmentation is not None:
            images = self._augmentation.transform(images, self._augmentation.draw(len(images), size, generator))
        if self._mix is not None:
            draw = self._mix.draw(len(images), size, generator)
            images = self._mix.apply(images, draw)
            weight = self._mix.hard_weight(draw, size)
            shown = shown._replace(partner=labels[draw.partner], weight=weight)
        self.network.train()
        logits: Tensor = self.network(images)
        self._optimiser.zero_grad()
        ce(logits, shown).backward()
        self._optimiser.step()
        return logits.detach()

    def state(self) -> State:
        return {"network": self.network.state_dict(), "optimiser": self._optimiser.state_dict()}

    def restore(self, state: State) -> None:
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])


def batches(count: int, batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The rows of an epoch in random order, `batch` at a time; the last may be shorter."""
    order = torch.randperm(count, generator=generator, device=generator.device)
    yield from torch.split(order, batch)
