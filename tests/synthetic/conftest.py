from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits, load_sample_images

from rd3.data.images import MemoryImages
from rd3.data.target import Target, TargetSpec
from rd3.synthetic import Manifest, Seconds, Synthetic

IPC = 3
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def make_target(name: str, pixels: torch.Tensor, labels: torch.Tensor, classes: tuple[str, ...]) -> Target:
    unit = pixels.float() / 255
    half = len(pixels) // 2
    return Target(
        spec=TargetSpec(name=name, size=None),
        train=MemoryImages(pixels[:half], labels[:half]),
        test=MemoryImages(pixels[half:], labels[half:]),
        classes=classes,
        mean=tuple(unit.mean(dim=(0, 2, 3)).tolist()),
        std=tuple(unit.std(dim=(0, 2, 3)).tolist()),
        statistics="measured on train",
        flip_keeps_class=False,
        pixel_hash=f"fingerprint-of-{name}",
    )


@pytest.fixture(scope="session")
def digits() -> Target:
    """Scikit-learn's digits, 8x8 grey, with names that are no numbers."""
    data = load_digits()
    pixels = torch.from_numpy((data.images * 255 / 16).astype(np.uint8))[:, None]
    return make_target("digits", pixels, torch.from_numpy(data.target), NAMES)


@pytest.fixture(scope="session")
def photos() -> Target:
    """32x32 crops of scikit-learn's two photos, in colour."""
    crops = [
        torch.from_numpy(np.array(photo))[:416, :640]
        .reshape(13, 32, 20, 32, 3)
        .permute(0, 2, 4, 1, 3)
        .reshape(-1, 3, 32, 32)
        for photo in load_sample_images().images
    ]
    order = torch.randperm(520, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(2).repeat_interleave(260)
    return make_target("photos", torch.cat(crops)[order], labels[order], ("temple", "flower"))


def pick(target: Target, ipc: int = IPC) -> tuple[torch.Tensor, torch.Tensor]:
    """The first images of each class, class by class."""
    chosen = torch.cat([(target.train.labels == k).nonzero()[:ipc, 0] for k in range(len(target.classes))])
    return target.train.batch(chosen), target.train.labels[chosen]


def make_synthetic(target: Target, *, soft: bool = False, **changes: Any) -> Synthetic:
    images, labels = pick(target)
    generator = torch.Generator().manual_seed(1)
    values: dict[str, Any] = {
        "method": "first",
        "settings": {"steps": 10, "sizes": (1, 2)},
        "target": target.name,
        "target_fingerprint": target.fingerprint,
        "classes": target.classes,
        "ipc": IPC,
        "seed": 0,
        "aids": ("real images",),
        "seconds": Seconds(squeeze=1.5, synthesise=2.5),
        "fingerprint": "0123456789abcdef0123",
        "info": {"loss": 0.25},
    }
    soft_labels = torch.randn(len(images), len(target.classes), generator=generator) if soft else None
    return Synthetic(images, labels, soft_labels, 0.01 if soft else None, Manifest(**{**values, **changes}))


@pytest.fixture
def grey(digits: Target) -> Synthetic:
    return make_synthetic(digits)


@pytest.fixture
def colour(photos: Target) -> Synthetic:
    return make_synthetic(photos)


@pytest.fixture
def softly(digits: Target) -> Synthetic:
    """With soft labels and a learned learning rate."""
    return make_synthetic(digits, soft=True)
