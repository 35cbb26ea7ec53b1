"""ZCA whitening, fitted on the real training split.

x in [0, 1] as a row of D values; μ and Σ its mean and (unbiased) covariance on the training split, Σ = U S Uᵀ. Whitened
is (x − μ) T with T = U (S + ε)^(−1/2) Uᵀ. This is kornia's ZCAWhitening, as MTT (arXiv 2203.11932), DATM (arXiv
2310.05773) and DD-Ranking use it with ε = 0.1; KIP's and FRePo's whitenings are others.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from rd3.data.images import Images
from rd3.data.target import Target

CHUNK = 2048


class Whitening:
    """A fitted ZCA: `mean` float (D,) and `transform` float (D, D)."""

    def __init__(self, mean: Tensor, transform: Tensor) -> None:
        self.mean = mean
        self.transform = transform

    def __call__(self, pictures: Tensor) -> Tensor:
        """Whitened pictures of the same shape (B, C, H, W), from pixels in [0, 1]."""
        return ((pictures.flatten(1) - self.mean) @ self.transform).view_as(pictures)


@lru_cache(maxsize=1)  # a matrix of (pixels x channels)² values, the same for all runs on a target
def whitening_of(target: Target, epsilon: float, device: torch.device) -> Whitening:
    """The whitening of a target's training split, in float32 from a float64 fit."""
    mean, transform = fit_zca(target.train.to(device), epsilon)
    return Whitening(mean.float(), transform.float())


@lru_cache(maxsize=1)
def whitened_test(target: Target, epsilon: float, device: torch.device) -> WhitenedImages:
    """The target's test split, whitened."""
    return whitened(target.test.to(device), whitening_of(target, epsilon, device))


def fit_zca(images: Images, epsilon: float) -> tuple[Tensor, Tensor]:
    """Mean (D,) and transform (D, D), float64."""
    mean = torch.stack([rows.sum(0) for rows in _rows(images)]).sum(0) / len(images)
    covariance = torch.zeros(len(mean), len(mean), dtype=mean.dtype, device=mean.device)
    for rows in _rows(images):
        covariance.addmm_((rows - mean).T, rows - mean, alpha=1 / (len(images) - 1))
    values, vectors = torch.linalg.eigh(covariance)
    return mean, (vectors * (values.clamp_min(0) + epsilon).rsqrt()) @ vectors.T


def _chunks(images: Images) -> Iterator[Tensor]:
    for indices in torch.arange(len(images), device=images.labels.device).split(CHUNK):
        yield images.batch(indices)


def _rows(images: Images) -> Iterator[Tensor]:
    return (pixels.double().flatten(1) / 255 for pixels in _chunks(images))


class WhitenedImages:
    """Whitened pictures behind the interface of `Images`, but floats of any sign: 255 times the whitened values, so
    that who divides pixels by 255 gets whitened pictures."""

    def __init__(self, values: Tensor, labels: Tensor) -> None:
        self._values = values
        self._labels = labels

    @property
    def labels(self) -> Tensor:
        return self._labels

    @property
    def shape(self) -> tuple[int, int, int]:
        channels, height, width = self._values.shape[1:]
        return channels, height, width

    def __len__(self) -> int:
        return len(self._values)

    def batch(self, indices: Tensor) -> Tensor:
        """Float32 (len(indices), channels, height, width), a new tensor."""
        return self._values[indices]

    def to(self, device: torch.device) -> WhitenedImages:
        return WhitenedImages(self._values.to(device), self._labels.to(device))


def whitened(images: Images, whitening: Whitening) -> WhitenedImages:
    """All images, whitened once."""
    values = torch.cat([255 * whitening(pixels.float() / 255) for pixels in _chunks(images)])
    return WhitenedImages(values, images.labels)
