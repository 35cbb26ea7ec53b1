"""NCFM's algorithm: match characteristic functions of features, and be recognised by a trained network.

Wang et al. 2025 (CVPR, arXiv 2502.20653).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from rd3.matching.characteristic import FrequencyNetwork, discrepancy
from rd3.matching.loop import State
from rd3.matching.scene import Scene
from rd3.matching.trained_networks import TrainedNetworks
from rd3.models.features import feature_extractor


@dataclass(frozen=True)
class CharacteristicPlan:
    """What is matched and how.

    Attributes:
        networks: trained networks to draw from.
        frequencies: K, drawn afresh for every class.
        amplitude, phase: weights of the two terms.
        scale: of the discrepancy.
        calibration: weight of the cross-entropy under the trained network; 0 leaves it out.
        patience, decay: after so many iterations without a lower loss the rate is multiplied by `decay`.
        sampler_lr, sampler_momentum: of SGD on the frequency network.
    """

    networks: int
    frequencies: int
    amplitude: float = 0.5
    phase: float = 0.5
    scale: float = 300.0
    calibration: float = 1.0
    patience: int = 500
    decay: float = 0.5
    sampler_lr: float = 1e-3
    sampler_momentum: float = 0.5


class CharacteristicMatching:
    """One image step a class on the discrepancy, then one a class on the calibration.

    Args:
        trained: the networks.
        sampler: learns frequencies that raise the discrepancy; None draws them from a standard normal.
    """

    def __init__(
        self,
        scene: Scene,
        trained: TrainedNetworks,
        plan: CharacteristicPlan,
        *,
        sampler: FrequencyNetwork | None = None,
    ) -> None:
        self._scene, self._trained, self._plan, self._sampler = scene, trained, plan, sampler
        self._schedule = ReduceLROnPlateau(scene.learned.optimiser, factor=plan.decay, patience=plan.patience)
        self._ascent = None
        if sampler is not None:
            self._ascent = torch.optim.SGD(
                sampler.parameters(), plan.sampler_lr, momentum=plan.sampler_momentum, maximize=True
            )

    def iterate(self, iteration: int) -> Tensor:  # noqa: ARG002
        """Returns the mean loss of a class."""
        scene, learned = self._scene, self._scene.learned
        between, final = self._networks()
        learned.clamp()
        rows, total = scene.rows(), learned.values.new_zeros(())
        for label in range(learned.classes):
            total += self._step(self._mismatch(between, *scene.pair(rows, label)))
        if self._plan.calibration:
            for label in range(learned.classes):
                total += learned.descend(self._calibration(final, label))
        self._schedule.step(float(total) / learned.classes)
        return total / learned.classes

    def _networks(self) -> tuple[nn.Module, nn.Module]:
        generator = self._scene.generator
        number = int(torch.randint(self._plan.networks, (), generator=generator, device=generator.device))
        share = float(torch.rand((), generator=generator, device=generator.device))
        return self._trained.between(number, share)

    def _mismatch(self, network: nn.Module, real: Tensor, synthetic: Tensor) -> Tensor:
        extract = feature_extractor(network)
        with torch.no_grad():
            wanted = F.normalize(extract(real), dim=1)
        found = F.normalize(extract(synthetic), dim=1)
        frequencies = self._frequencies(found)
        weights = {"amplitude": self._plan.amplitude, "phase": self._plan.phase}
        return self._plan.scale * discrepancy(wanted, found, frequencies, **weights)

    def _frequencies(self, features: Tensor) -> Tensor:
        shape = (self._plan.frequencies, features.shape[1])
        noise = torch.randn(shape, generator=self._scene.generator, device=features.device)
        return noise if self._sampler is None else self._sampler(noise)

    def _step(self, loss: Tensor) -> Tensor:
        if self._sampler is None or self._ascent is None:
            return self._scene.learned.descend(loss)
        parameters = list(self._sampler.parameters())
        upward = torch.autograd.grad(loss, parameters, retain_graph=True)
        value = self._scene.learned.descend(loss)
        for parameter, gradient in zip(parameters, upward, strict=True):
            parameter.grad = gradient
        self._ascent.step()
        return value

    def _calibration(self, network: nn.Module, label: int) -> Tensor:
        images = self._scene.alone(label)
        return self._plan.calibration * F.cross_entropy(network(images), self._scene.labels(label, images))

    def state(self) -> State:
        state = {
            "scene": self._scene.state(),
            "trained": self._trained.state(),
            "schedule": self._schedule.state_dict(),
        }
        if self._sampler is not None and self._ascent is not None:
            state |= {"sampler": self._sampler.state_dict(), "ascent": self._ascent.state_dict()}
        return state

    def restore(self, state: State) -> None:
        self._scene.restore(state["scene"])
        self._trained.restore(state["trained"])
        self._schedule.load_state_dict(state["schedule"])
        if self._sampler is not None and self._ascent is not None:
            self._sampler.load_state_dict(state["sampler"])
            self._ascent.load_state_dict(state["ascent"])
