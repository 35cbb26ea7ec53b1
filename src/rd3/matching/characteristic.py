"""The discrepancy of two sets' characteristic functions, and where its frequencies come from.

Wang et al. 2025, Dataset Distillation with Neural Characteristic Function: A Minmax Perspective (CVPR,
arXiv 2502.20653).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

SMALLEST = 1e-12
"""The phase term's lower bound: a root has no slope at 0."""


def characteristic(features: Tensor, frequencies: Tensor) -> tuple[Tensor, Tensor]:
    """Real and imaginary part of Φ(t) = mean exp(i t·f), each (K,), for features (N, D) and frequencies t (K, D)."""
    angles = features @ frequencies.T
    return angles.cos().mean(0), angles.sin().mean(0)


def discrepancy(
    real: Tensor, synthetic: Tensor, frequencies: Tensor, *, amplitude: float = 0.5, phase: float = 0.5
) -> Tensor:
    """Mean over t of sqrt(amplitude · (|Φ| − |Φ'|)² + phase · 2 (|Φ||Φ'| − Re Φ Re Φ' − Im Φ Im Φ')).

    Args:
        real, synthetic: features (N, D) and (M, D).
        frequencies: (K, D).
        amplitude, phase: the weights; with both at ½ that is |Φ − Φ'| / √2.
    """
    wanted, found = characteristic(real, frequencies), characteristic(synthetic, frequencies)
    wanted_norm, found_norm = torch.hypot(*wanted), torch.hypot(*found)
    apart = 2 * (wanted_norm * found_norm - wanted[0] * found[0] - wanted[1] * found[1])
    squares = amplitude * (wanted_norm - found_norm).square() + phase * apart.clamp(min=SMALLEST)
    return squares.sqrt().mean()


class FrequencyNetwork(nn.Module):
    """Frequencies that are learned to tell real from synthetic: three layers on noise, bounded to (−1, 1).

    Args:
        dimension: D, of the features.
        seed: of its initialisation.
    """

    def __init__(self, dimension: int, *, seed: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            for index in range(3):
                last = nn.Tanh() if index == 2 else nn.LeakyReLU(0.2)
                layers += [nn.Linear(dimension, dimension), nn.BatchNorm1d(dimension), last]
        self.dimension, self.layers = dimension, nn.Sequential(*layers)

    def forward(self, noise: Tensor) -> Tensor:
        frequencies: Tensor = self.layers(noise)
        return frequencies
