"""IDM's algorithm: distribution matching under a queue of networks that are being trained on real images.

Zhao et al. 2023, Improved Distribution Matching for Dataset Condensation (CVPR, arXiv 2307.09742).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rd3.matching.distribution import distribution_loss
from rd3.matching.loop import State
from rd3.matching.scene import Scene
from rd3.matching.trainer import Trainer
from rd3.models.family import in_eval_mode
from rd3.models.features import feature_extractor, last_linear


@dataclass(frozen=True)
class QueuePlan:
    """How networks come, learn and go.

    Attributes:
        start: networks at first.
        every: a new one comes before each iteration whose number this divides, the first included.
        longest: the oldest goes where the queue would become longer.
        trained: random networks that are trained after an iteration.
        steps: of each of them.
        batch, lr, momentum, weight_decay: of SGD on real images.
        forget: training accuracies are counted anew after that many iterations.
    """

    start: int = 3
    every: int = 30
    longest: int = 100
    trained: int = 2
    steps: int = 10
    batch: int = 256
    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 5e-4
    forget: int = 100


class Pupil:
    """A network in the queue, with the accuracy at which it was trained lately."""

    def __init__(self, network: nn.Module, plan: QueuePlan) -> None:
        self.trainer = Trainer(network, lr=plan.lr, momentum=plan.momentum, weight_decay=plan.weight_decay)
        self.seen, self.right = 0, 0

    @property
    def percent(self) -> float:
        """Training accuracy, 0 where nothing was counted yet."""
        return 100 * self.right / self.seen if self.seen else 0.0

    def learn(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> None:
        logits = self.trainer.step(images, labels, generator)
        self.seen += len(labels)
        self.right += int((logits.argmax(1) == labels).sum())

    def forget(self) -> None:
        self.seen, self.right = 0, 0

    def state(self) -> State:
        return {"trainer": self.trainer.state(), "seen": self.seen, "right": self.right}

    def restore(self, state: State) -> None:
        self.trainer.restore(state["trainer"])
        self.seen, self.right = state["seen"], state["right"]


class ModelQueue:
    """The queue. Networks are numbered as they come."""

    def __init__(self, plan: QueuePlan, networks: Callable[[int], nn.Module]) -> None:
        self._plan, self._networks, self._made = plan, networks, 0
        self.pupils: list[Pupil] = []
        for _ in range(plan.start):
            self._push()

    def before(self, iteration: int) -> None:
        """Counts start anew and a network comes, where it is time."""
        if iteration and iteration % self._plan.forget == 0:
            for pupil in self.pupils:
                pupil.forget()
        if iteration % self._plan.every == 0:
            self._push()

    def drawn(self, count: int, generator: torch.Generator) -> list[Pupil]:
        """Different random ones; all where there are fewer."""
        order = torch.randperm(len(self.pupils), generator=generator, device=generator.device)
        return [self.pupils[index] for index in order[:count].tolist()]

    def _push(self) -> None:
        self.pupils = self.pupils[-self._plan.longest + 1 :] if self._plan.longest > 1 else []
        self.pupils.append(Pupil(self._networks(self._made), self._plan))
        self._made += 1

    def state(self) -> State:
        return {"made": self._made, "pupils": [pupil.state() for pupil in self.pupils]}

    def restore(self, state: State) -> None:
        self._made = state["made"]
        self.pupils = [Pupil(self._networks(0), self._plan) for _ in state["pupils"]]
        for pupil, saved in zip(self.pupils, state["pupils"], strict=True):
            pupil.restore(saved)


class QueueMatching:
    """One image step for every class under a random network of the queue, then some of them are trained.

    Args:
        ce_weight: of the class-aware regulariser: ce_weight · training accuracy in percent · cross-entropy.
    """

    def __init__(self, scene: Scene, *, plan: QueuePlan, ce_weight: float) -> None:
        self._scene, self._plan, self._ce_weight = scene, plan, ce_weight
        self._queue = ModelQueue(plan, scene.networks)

    def iterate(self, iteration: int) -> Tensor:
        scene = self._scene
        self._queue.before(iteration)
        (pupil,) = self._queue.drawn(1, scene.generator)
        rows = scene.rows()
        total = scene.learned.values.new_zeros(())
        with in_eval_mode(pupil.trainer.network):
            for label in range(scene.learned.classes):
                real, synthetic = scene.pair(rows, label)
                total += scene.learned.descend(self._loss(pupil, real, synthetic, label))
        self._train()
        return total

    def _loss(self, pupil: Pupil, real: Tensor, synthetic: Tensor, label: int) -> Tensor:
        network = pupil.trainer.network
        extract = feature_extractor(network)
        with torch.no_grad():
            wanted = extract(real)
        found = extract(synthetic)
        entropy = F.cross_entropy(last_linear(network)(found), self._scene.labels(label, synthetic))
        return distribution_loss([wanted], [found]) + self._ce_weight * pupil.percent * entropy

    def _train(self) -> None:
        scene = self._scene
        for pupil in self._queue.drawn(self._plan.trained, scene.generator):
            for _ in range(self._plan.steps):
                rows = scene.sampler.any(self._plan.batch, scene.generator)
                pupil.learn(*scene.sampler.labelled(rows), scene.generator)

    def state(self) -> State:
        return {"scene": self._scene.state(), "queue": self._queue.state()}

    def restore(self, state: State) -> None:
        self._scene.restore(state["scene"])
        self._queue.restore(state["queue"])
