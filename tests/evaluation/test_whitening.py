"""ZCA whitening against kornia's."""

from __future__ import annotations

import pytest
import torch
from kornia.enhance import ZCAWhitening

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.target import Target
from rd3.data.whitening import fit_kornia, whitening_of
from rd3.evaluation.whitening import whitened, whitened_test

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target("digits")


def as_pictures(images) -> torch.Tensor:
    return images.batch(torch.arange(len(images))).double() / 255


@pytest.mark.parametrize("epsilon", [0.1, 1e-3])
def test_the_whitening_is_kornia_s(target: Target, epsilon: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rd3.data.whitening.CHUNK", 300)
    train, test = as_pictures(target.train), as_pictures(target.test)
    oracle = ZCAWhitening(eps=epsilon, unbiased=True).fit(train)
    mean, transform = fit_kornia(target.train, epsilon)
    torch.testing.assert_close(mean, oracle.mean_vector.flatten())
    torch.testing.assert_close(transform, oracle.transform_matrix, rtol=1e-6, atol=1e-8)
    mine = whitening_of(target, "kornia", epsilon, CPU)(test.float())
    torch.testing.assert_close(mine.double(), oracle(test), rtol=1e-3, atol=1e-4)


def test_whitened_training_images_have_the_covariance_s_over_s_plus_epsilon(target: Target) -> None:
    train = whitened(target.train, whitening_of(target, "kornia", 0.1, CPU))
    rows = train.batch(torch.arange(len(train))).double().flatten(1)
    before = torch.linalg.eigvalsh(torch.cov(as_pictures(target.train).flatten(1).T))
    torch.testing.assert_close(rows.mean(0), torch.zeros(64, dtype=torch.double), rtol=0, atol=1e-5)
    after = torch.linalg.eigvalsh(torch.cov(rows.T))
    torch.testing.assert_close(after, before / (before + 0.1), rtol=1e-4, atol=1e-5)


def test_whitened_images_are_images_whose_pixels_are_not_cut_to_bytes(target: Target) -> None:
    whiten = whitening_of(target, "kornia", 0.1, CPU)
    images = MemoryImages(target.train.batch(torch.arange(9)), target.train.labels[:9])
    floats = whitened(images, whiten)
    assert (len(floats), floats.shape) == (9, (1, 8, 8))
    ids = torch.tensor([4, 4, 0])
    batch = floats.batch(ids)
    torch.testing.assert_close(batch, whiten(images.batch(ids).float() / 255), rtol=1e-5, atol=1e-6)
    kept = batch.clone()
    floats.batch(ids).div_(255)  # a caller may write a batch
    assert torch.equal(floats.to(CPU).batch(ids), kept)


def test_one_target_is_fitted_once(target: Target) -> None:
    assert whitening_of(target, "kornia", 0.1, CPU) is whitening_of(target, "kornia", 0.1, CPU)
    assert whitened_test(target, "kornia", 0.1, CPU) is whitened_test(target, "kornia", 0.1, CPU)
    assert whitening_of(target, "kornia", 0.2, CPU) is not whitening_of(target, "kornia", 0.1, CPU)
