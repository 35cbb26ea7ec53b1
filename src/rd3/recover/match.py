"""Statistics inside a network that are pulled to targets, while it looks at the images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from rd3.base.seeds import derive_seed
from rd3.recover.comparisons import Comparison, running
from rd3.recover.plan import PlanItem
from rd3.recover.precision import full
from rd3.recover.statistics import moments
from rd3.squeeze.readings import Channels, Reading, batch_norms

FirstAverage = Literal["first", "zero"]


class Match(Protocol):
    """Watches a network's layers; asked once after every forward pass."""

    @property
    def steady(self) -> bool:
        """Whether the term follows from the pass and the item alone: nothing is drawn, nothing kept for the next."""

    def start(self, item: PlanItem) -> None:
        """Called before the first iteration of an item: forget the one before."""

    def take(self, item: PlanItem) -> Tensor:
        """The scalar term of the last forward pass, on the images of `item`; forgets the pass."""


@dataclass(frozen=True)
class Probe:
    """One statistic of what enters a layer: how it is grouped, measured and compared."""

    reading: Reading
    measure: Callable[[Tensor], tuple[Tensor, Tensor]]  # groups (B, G, ...) -> mean and variance
    compare: Comparison


@dataclass(frozen=True)
class Hook:
    """All that is watched at one layer; its terms are weighted, and dropped, together."""

    layer: nn.Module
    probes: tuple[Probe, ...]
    droppable: bool = False


class _Measured(NamedTuple):
    """What a probe found in the last forward pass; `place` is (hook, probe)."""

    weight: float
    place: tuple[int, int]
    probe: Probe
    mean: Tensor
    variance: Tensor


class StatisticsMatch:
    """R = Σ_l k_l Σ_probes compare(mean, variance), with k_l = 1 but for the first layer.

    Args:
        hooks: in the order of registration of their layers; the layers keep a forward pre-hook, so they belong to a
            copy of the network of your own.
        first_weight: k of the first layer.
        average: of the measured statistics, see `RunningAverage`; None for none.
        drop: probability that a droppable hook is left out of a forward pass.
        seed: of what is dropped; items are independent.
    """

    def __init__(
        self,
        hooks: Sequence[Hook],
        *,
        first_weight: float = 10.0,
        average: RunningAverage | None = None,
        drop: float = 0.0,
        seed: int = 0,
    ) -> None:
        self._average, self._drop, self._seed = average, drop, seed
        self._generator = torch.Generator().manual_seed(seed)
        self._passed = False
        self._seen: list[_Measured] = []
        for number, hook in enumerate(hooks):
            hook.layer.register_forward_pre_hook(self._watch(number, hook, first_weight if number == 0 else 1.0))

    @property
    def steady(self) -> bool:
        return self._average is None and not self._drop

    def start(self, item: PlanItem) -> None:
        self._passed, self._seen = False, []
        self._generator.manual_seed(derive_seed("recover", "drop", self._seed, item.index))
        if self._average is not None:
            self._average.forget()

    def take(self, item: PlanItem) -> Tensor:
        assert self._passed, "take() comes after a forward pass"
        seen, self._seen, self._passed = self._seen, [], False
        terms = [one.weight * one.probe.compare(*self._smoothed(one), item) for one in seen]
        return torch.stack(terms).sum() if terms else torch.zeros((), device=item.labels.device)

    def _watch(self, number: int, hook: Hook, weight: float) -> Any:
        def measure(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            self._passed = True
            if self._drop and hook.droppable and float(torch.rand((), generator=self._generator)) < self._drop:
                return
            features = full(inputs[0])
            for place, probe in enumerate(hook.probes):
                self._seen.append(_Measured(weight, (number, place), probe, *probe.measure(probe.reading(features))))

        return measure

    def _smoothed(self, one: _Measured) -> tuple[Tensor, Tensor]:
        if self._average is None:
            return one.mean, one.variance
        return self._average((*one.place, 0), one.mean), self._average((*one.place, 1), one.variance)


class RunningAverage:
    """m ← α m + (1 − α) v, shown as m + v − stopgrad(v): the value is averaged, the gradient is v's (G-VBSM).

    A v that is not finite (float16 overflows) is shown and does not enter m: its step is left out, m goes on.

    Args:
        momentum: α.
        first: m starts at the first v; or at zero, as the released code does by mistake (it means to test for the first
            value, and does not), which pulls the first iterations to too small statistics.
    """

    def __init__(self, momentum: float, *, first: FirstAverage = "first") -> None:
        self._momentum, self._first = momentum, first
        self._averages: dict[tuple[int, ...], Tensor] = {}

    def forget(self) -> None:
        self._averages.clear()

    def __call__(self, key: tuple[int, ...], value: Tensor) -> Tensor:
        new = value.detach()
        before = self._averages.get(key, new if self._first == "first" else torch.zeros_like(new))
        before = torch.where(before.isfinite(), before, new)  # where no value was finite yet
        averaged = self._momentum * before + (1 - self._momentum) * new
        self._averages[key] = torch.where(new.isfinite(), averaged, before)
        return self._averages[key] + value - new


class BatchNormMatch(StatisticsMatch):
    """R = Σ_l k_l (‖μ_l(Z) − μ_run,l‖₂ + w_var ‖v_l(Z) − v_run,l‖₂) over BatchNorm layers (SRe2L, arXiv 2306.13092).

    μ_l and v_l are the mean and the *biased* variance, over batch and space, of the layer's input; the norms run over
    channels and are not squared.

    Args:
        first_weight: k of the first layer in the order of registration, 10 in the reference code.
        variance_weight: w_var; 1, or more in DWA (arXiv 2409.17612).
    """

    def __init__(self, model: nn.Module, *, first_weight: float = 10.0, variance_weight: float = 1.0) -> None:
        hooks = [
            Hook(layer, (Probe(Channels(), moments, running(layer, variance_weight)),)) for layer in batch_norms(model)
        ]
        super().__init__(hooks, first_weight=first_weight)
