"""Real photographs to augment, and explicit generators."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

Photos = Callable[[int, int], Tensor]


@pytest.fixture(scope="session")
def photos() -> Photos:
    """(count, size) -> float (count, 3, size, size) in [0, 1]: squares out of two photographs."""
    from sklearn.datasets import load_sample_images

    pictures = torch.from_numpy(np.stack(load_sample_images().images)).permute(0, 3, 1, 2).float() / 255

    def squares(count: int, size: int) -> Tensor:
        place = np.random.default_rng(0).integers(0, 427 - size + 1, size=(count, 2))
        return torch.stack(
            [pictures[i % 2, :, top : top + size, left : left + size] for i, (top, left) in enumerate(place.tolist())]
        )

    return squares


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
