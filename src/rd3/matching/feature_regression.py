"""FRePo's algorithm: labels of real images are regressed on features under networks that learn the learned set.

Zhou, Nezhadarya & Ba 2022 (NeurIPS, arXiv 2206.00719), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from rd3.matching.inputs import RealImages
from rd3.matching.kernel_ridge import centred, margin_loss, regression_loss, ridge_prediction
from rd3.matching.lamb import Lamb
from rd3.matching.loop import State
from rd3.models.features import feature_extractor
from rd3.training.augment.base import Augmentation

LAST_RATE = 0.1
"""Of the first one, at the end of the cosine."""


@dataclass(frozen=True)
class RegressionPlan:
    """How images are learned and networks come and go.

    Attributes:
        iterations: of the cosine.
        lr: of LAMB on images and labels.
        real_batch: real images whose labels are predicted.
        flip: whether the mirrored images count among the learned ones too.
        pool: networks.
        longest: steps that a network takes before another one takes its place.
        network_lr, network_batch: of Adam, on the learned images.
        augmentation: of those that networks learn, drawn for every image; or None.
    """

    iterations: int
    lr: float
    real_batch: int
    flip: bool
    pool: int
    longest: int
    network_lr: float
    network_batch: int
    augmentation: Augmentation | None = None


class Pupil:
    """A network of the pool and its optimiser.

    Args:
        number: of the network.
        age: steps that it has taken, or is taken to have.
    """

    def __init__(self, number: int, network: nn.Module, *, lr: float, age: int) -> None:
        self.number, self.network, self.age = number, network.train().requires_grad_(), age
        self._optimiser = torch.optim.Adam(network.parameters(), lr)

    def learn(self, images: Tensor, labels: Tensor) -> None:
        """One step on the squared error; labels are centred."""
        self._optimiser.zero_grad()
        regression_loss(self.network(images), labels).backward()
        self._optimiser.step()
        self.age += 1

    def state(self) -> State:
        return {
            "number": self.number,
            "age": self.age,
            "network": self.network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: State) -> None:
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])


class FeatureRegression:
    """One step on images and labels under a random network of the pool, which then takes one on them.

    Args:
        images: (N, C, H, W) as networks take them.
        labels: int64 (N,).
        networks: number to the network of that number, freshly initialised.
        generator: of all that is drawn.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        *,
        classes: int,
        real: RealImages,
        networks: Callable[[int], nn.Module],
        plan: RegressionPlan,
        generator: torch.Generator,
    ) -> None:
        self.images = images.detach().clone().requires_grad_()
        self.labels = centred(labels, classes).requires_grad_()
        self._classes, self._real, self._networks, self._plan = classes, real, networks, plan
        self._generator = generator
        self._optimiser = Lamb([self.images, self.labels], plan.lr)
        self._schedule = LambdaLR(self._optimiser, self._share)
        # Ages are spread, so that networks do not all start anew at the same time.
        self.pool = [self._pupil(number, age=number * plan.longest // plan.pool) for number in range(plan.pool)]
        self._made = plan.pool

    def iterate(self, iteration: int) -> Tensor:  # noqa: ARG002
        place = int(self._random(len(self.pool))[0])
        pupil = self.pool[place]
        loss = self._loss(pupil.network)
        self._optimiser.zero_grad()
        torch.autograd.backward(loss, inputs=[self.images, self.labels])
        self._optimiser.step()
        self._schedule.step()
        self._train(pupil)
        if pupil.age >= self._plan.longest:
            self.pool[place] = self._pupil(self._made, age=0)
            self._made += 1
        return loss.detach()

    def _loss(self, network: nn.Module) -> Tensor:
        rows, extract = self._random(len(self._real))[: self._plan.real_batch], feature_extractor(network)
        with torch.no_grad():
            wanted = extract(self._real.batch(rows))
        images, labels = self._learned()
        prediction = ridge_prediction(wanted, extract(images), labels)
        truth = centred(self._real.labels[rows], self._classes)
        return regression_loss(prediction, truth) + margin_loss(self.labels)

    def _learned(self) -> tuple[Tensor, Tensor]:
        """Images and labels, with the mirrored ones where they count."""
        if not self._plan.flip:
            return self.images, self.labels
        return torch.cat([self.images, self.images.flip(-1)]), self.labels.repeat(2, 1)

    def _train(self, pupil: Pupil) -> None:
        rows = self._random(len(self.images))[: self._plan.network_batch]
        images, labels = self.images.detach()[rows], self.labels.detach()[rows]
        augmentation = self._plan.augmentation
        if augmentation is not None:
            draw = augmentation.draw(len(images), images.shape[-1], self._generator)
            images = augmentation.transform(images, draw)
        pupil.learn(images, labels)

    def _random(self, count: int) -> Tensor:
        return torch.randperm(count, generator=self._generator, device=self._generator.device)

    def _pupil(self, number: int, *, age: int) -> Pupil:
        return Pupil(number, self._networks(number), lr=self._plan.network_lr, age=age)

    def _share(self, iteration: int) -> float:
        done = min(1.0, iteration / self._plan.iterations)
        cosine = 0.5 * (1 + float(torch.cos(torch.tensor(torch.pi * done, dtype=torch.double))))
        return LAST_RATE + (1 - LAST_RATE) * cosine

    def state(self) -> State:
        return {
            "images": self.images.detach(),
            "labels": self.labels.detach(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": {"last_epoch": self._schedule.last_epoch},
            "generator": self._generator.get_state(),
            "made": self._made,
            "pool": [pupil.state() for pupil in self.pool],
        }

    @torch.no_grad()
    def restore(self, state: State) -> None:
        self.images.copy_(state["images"])
        self.labels.copy_(state["labels"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.last_epoch = state["schedule"]["last_epoch"]
        self._generator.set_state(state["generator"])
        self._made = state["made"]
        self.pool = [self._pupil(saved["number"], age=saved["age"]) for saved in state["pool"]]
        for pupil, saved in zip(self.pool, state["pool"], strict=True):
            pupil.restore(saved)
