"""ZCA whitening, fitted on a target's real training split, in the three ways in which it is done.

Pictures are rows x of D values. With Σ = U S Uᵀ a covariance of the training split, T = U (S + r)^(−1/2) Uᵀ, and
whitened is

- `kornia`: (x − μ) T with x in [0, 1], Σ the unbiased covariance and r = ε = 0.1: kornia's ZCAWhitening, as in MTT
  (arXiv 2203.11932), DATM (arXiv 2310.05773) and DD-Ranking;
- `kip`: z T where z is x less the mean of its picture, at unit length; Σ = E[zzᵀ], r = 0.1·tr(Σ)/D. KIP (arXiv
  2011.00050) and RaT-BPTT (arXiv 2311.07025). Every picture has lost its mean and its length, so there is no way back;
- `frepo`: (z − E[z]) T with z = x over the standard deviation of its channel, Σ = Cov(z) over N, r = 0.1·tr(Σ)/D. FRePo
  (arXiv 2206.00719), which also takes each channel's mean away: that changes nothing, as E[z] goes anyhow.

The test split goes through what was fitted on the training split.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from rd3.base.errors import UserError
from rd3.data.images import Images
from rd3.data.target import Target

WhiteningKind = Literal["kornia", "kip", "frepo"]

CHUNK = 2048
EPSILON = 0.1


@dataclass(frozen=True, eq=False)
class Whitening:
    """A fitted ZCA: whitened is (x − mean) @ transform.

    Attributes:
        mean: float (D,).
        transform: float (D, D).
        per_picture: whether each picture is first brought to mean 0 and length 1 (`kip`).
    """

    mean: Tensor
    transform: Tensor
    per_picture: bool = False

    def __call__(self, pictures: Tensor) -> Tensor:
        """Whitened pictures of the same shape (B, C, H, W), from floats, 0 black and 1 white."""
        rows = pictures.flatten(1)
        if self.per_picture:
            rows = unit_rows(rows)
        whitened: Tensor = (rows - self.mean) @ self.transform
        return whitened.view_as(pictures)

    def undo(self, pictures: Tensor) -> Tensor:
        """Raw pictures, 0 black and 1 white, of whitened ones (B, C, H, W); not clamped.

        Raises:
            UserError: the whitening took away what cannot be given back.
        """
        if self.per_picture:
            raise UserError("zca_kip: cannot be undone: every picture has lost its mean and its contrast")
        rows: Tensor = torch.linalg.solve(self.transform.double().T, pictures.flatten(1).double().T).T
        raw: Tensor = (rows + self.mean).to(pictures.dtype).view_as(pictures)
        return raw


def unit_rows(rows: Tensor) -> Tensor:
    """Every row less its mean, at unit length; a constant row becomes 0."""
    centred = rows - rows.mean(dim=1, keepdim=True)
    unit: Tensor = centred / centred.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit


@lru_cache(maxsize=1)  # a matrix of (pixels x channels)² values, the same for all runs on a target
def whitening_of(target: Target, kind: WhiteningKind, epsilon: float, device: torch.device) -> Whitening:
    """The whitening of a target's training split, in float32 from a float64 fit."""
    mean, transform = FITS[kind](target.train.to(device), epsilon)
    return Whitening(mean.float(), transform.float(), per_picture=kind == "kip")


def fit_kornia(images: Images, epsilon: float = EPSILON) -> tuple[Tensor, Tensor]:
    """Mean (D,) and transform (D, D), float64, with an absolute `epsilon`."""
    mean = torch.stack([rows.sum(0) for rows in _rows(images)]).sum(0) / len(images)
    covariance = _covariance(_rows(images), mean, count=len(images) - 1)
    return mean, _inverse_root(covariance, epsilon)


def fit_kip(images: Images, epsilon: float = EPSILON) -> tuple[Tensor, Tensor]:
    """Zeros (D,) and transform (D, D), float64; `epsilon` is relative to the mean eigenvalue."""
    mean = torch.zeros(math.prod(images.shape), dtype=torch.double, device=images.labels.device)
    covariance = _covariance((unit_rows(rows) for rows in _rows(images)), mean, count=len(images))
    return mean, _inverse_root(covariance, epsilon * float(covariance.trace()) / len(mean))


def fit_frepo(images: Images, epsilon: float = EPSILON) -> tuple[Tensor, Tensor]:
    """Mean (D,) and transform (D, D), float64, for pictures in [0, 1]; the transform divides by channels' std too."""
    mean = torch.stack([rows.sum(0) for rows in _rows(images)]).sum(0) / len(images)
    covariance = _covariance(_rows(images), mean, count=len(images))
    deviation = _channel_deviation(mean, covariance, images.shape[0])
    covariance /= deviation[:, None] * deviation
    transform = _inverse_root(covariance, epsilon * float(covariance.trace()) / len(mean))
    return mean, transform / deviation[:, None]


FITS: dict[WhiteningKind, Callable[[Images, float], tuple[Tensor, Tensor]]] = {
    "kornia": fit_kornia,
    "kip": fit_kip,
    "frepo": fit_frepo,
}


def _channel_deviation(mean: Tensor, covariance: Tensor, channels: int) -> Tensor:
    """The standard deviation of all pixels of a feature's channel, (D,)."""
    means, variances = mean.view(channels, -1), covariance.diagonal().view(channels, -1)
    deviation = (variances.mean(dim=1) + means.var(dim=1, correction=0)).sqrt()
    return deviation.repeat_interleave(means.shape[1])


def _covariance(chunks: Iterator[Tensor], mean: Tensor, *, count: int) -> Tensor:
    covariance = torch.zeros(len(mean), len(mean), dtype=mean.dtype, device=mean.device)
    for rows in chunks:
        covariance.addmm_((rows - mean).T, rows - mean, alpha=1 / count)
    return covariance


def _inverse_root(covariance: Tensor, regularisation: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * (values.clamp_min(0) + regularisation).rsqrt()) @ vectors.T
    return root


def chunks(images: Images) -> Iterator[Tensor]:
    """All pictures in order, some at a time, as they are stored."""
    for indices in torch.arange(len(images), device=images.labels.device).split(CHUNK):
        yield images.batch(indices)


def _rows(images: Images) -> Iterator[Tensor]:
    for pixels in chunks(images):
        rows = pixels.double().flatten(1)
        yield rows / 255 if pixels.dtype == torch.uint8 else rows
