"""The three whitenings against NumPy with an eigenbasis of its own, their inverses, and their known fingerprints."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from kornia.enhance import ZCAWhitening

from rd3.base.errors import UserError
from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.data.whitening import fit_kornia, whitening_of

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


def unit(images: MemoryImages) -> torch.Tensor:
    return images.batch(torch.arange(len(images))).float() / 255


def root(covariance: np.ndarray, regularisation: float) -> np.ndarray:
    left, values, _ = np.linalg.svd(covariance)
    return left @ np.diag(1 / np.sqrt(values + regularisation)) @ left.T


def by_hand(kind: str, train: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows (N, D) as the convention of the kind has them; one channel."""
    if kind == "kip":
        train, rows = (x - x.mean(1, keepdims=True) for x in (train, rows))
        train, rows = (x / np.sqrt((x**2).sum(1, keepdims=True)) for x in (train, rows))
        centre = 0.0
    else:
        train, rows = ((x - before.mean()) / before.std() for before, x in [(train, train), (train, rows)])
        centre = train.mean(0)
    covariance = (train - centre).T @ (train - centre) / len(train)
    return (rows - centre) @ root(covariance, 0.1 * np.trace(covariance) / len(covariance))


@pytest.mark.parametrize("kind", ["kip", "frepo"])
def test_whitened_test_pictures_are_those_of_the_definition(kind: str, target: Target) -> None:
    train, test = unit(target.train).double(), unit(target.test)
    expected = by_hand(kind, train.flatten(1).numpy(), test.double().flatten(1).numpy())
    found = whitening_of(target, kind, 0.1, CPU)(test)  # type: ignore[arg-type]
    np.testing.assert_allclose(found.flatten(1).numpy(), expected, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("kind", ["kornia", "frepo"])
def test_what_has_a_way_back_comes_back(kind: str, target: Target) -> None:
    whitening = whitening_of(target, kind, 0.1, CPU)  # type: ignore[arg-type]
    test = unit(target.test)
    torch.testing.assert_close(whitening.undo(whitening(test)), test, rtol=0, atol=1e-4)
    assert whitening.undo(whitening(2 * test - 1)).min() < -0.9  # and nothing is clamped


def test_the_inverse_is_kornia_s(target: Target) -> None:
    train, test = unit(target.train).double(), unit(target.test)[:50]
    oracle = ZCAWhitening(eps=0.1, unbiased=True, compute_inv=True).fit(train)
    whitened = whitening_of(target, "kornia", 0.1, CPU)(test)
    expected = oracle.inverse_transform(whitened.double())
    torch.testing.assert_close(
        whitening_of(target, "kornia", 0.1, CPU).undo(whitened).double(), expected, rtol=0, atol=1e-4
    )


def test_kip_s_whitening_has_no_way_back(target: Target) -> None:
    whitening = whitening_of(target, "kip", 0.1, CPU)
    with pytest.raises(UserError, match="zca_kip: cannot be undone"):
        whitening.undo(unit(target.test))


def test_floats_are_fitted_like_the_bytes_they_were(target: Target) -> None:
    as_floats = MemoryImages(unit(target.train), target.train.labels)
    for mine, theirs in zip(fit_kornia(as_floats), fit_kornia(target.train), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "deviation", "low", "high", "length"),
    [("kornia", 0.261, -2.3, 2.2, 14.1), ("kip", 0.522, -11, 13, 28.0), ("frepo", 0.486, -6.9, 6.2, 26.0)],
)
def test_fingerprints_on_cifar10(kind: str, deviation: float, low: float, high: float, length: float) -> None:
    """Standard deviation, range and mean length of the whitened training split."""
    if "RD3_DATA" not in os.environ:
        pytest.skip("needs CIFAR-10 under $RD3_DATA")
    cifar = load_target("cifar10")
    whitening = whitening_of(cifar, kind, 0.1, CPU)  # type: ignore[arg-type]
    parts = [whitening(unit_of) for unit_of in unit(cifar.train).split(5000)]
    lengths = torch.cat([part.flatten(1).norm(dim=1) for part in parts])
    assert float((lengths**2).sum() / len(lengths) / 3072) ** 0.5 == pytest.approx(deviation, abs=6e-4)
    assert min(float(part.min()) for part in parts) == pytest.approx(low, rel=0.06)
    assert max(float(part.max()) for part in parts) == pytest.approx(high, rel=0.06)
    assert float(lengths.mean()) == pytest.approx(length, abs=0.06)
