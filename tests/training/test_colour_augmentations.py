"""Colour jitter against torchvision, lighting and noise against closed forms, and their draws against their laws."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as torchvision
from scipy import stats
from torch import Tensor

from rd3.training.augment.color_jitter import ColorJitter
from rd3.training.augment.gaussian_noise import GaussianNoise
from rd3.training.augment.lighting import EIGENVALUES, EIGENVECTORS, Lighting

Photos = Callable[[int, int], Tensor]
ADJUSTMENTS = (torchvision.adjust_brightness, torchvision.adjust_contrast, torchvision.adjust_saturation)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_jitter_is_torchvisions_where_nothing_clips(photos: Photos) -> None:
    images = 0.3 + 0.2 * photos(40, 16)
    draw = ColorJitter().draw(40, 16, seeded())
    out = ColorJitter().transform(images, draw)
    for image, factors, order, own in zip(images, draw["factors"], draw["order"].tolist(), out, strict=True):
        expected = image
        for which in order:
            expected = ADJUSTMENTS[which](expected, factors[which].item())
        # torchvision weighs red by .2989, the IDC lineage by .299.
        torch.testing.assert_close(own, expected, atol=1e-4, rtol=0)


def test_jitter_does_not_clip() -> None:
    bright = torch.full((1, 3, 4, 4), 0.9)
    draw = {"factors": torch.tensor([[1.4, 1.0, 1.0]]), "order": torch.tensor([[0, 1, 2]])}
    torch.testing.assert_close(ColorJitter().transform(bright, draw), torch.full((1, 3, 4, 4), 1.26))


def test_jitter_of_grey_images_is_that_of_three_equal_channels(photos: Photos) -> None:
    grey = photos(6, 12)[:, :1]
    draw = ColorJitter().draw(6, 12, seeded(1))
    coloured = ColorJitter().transform(grey.expand(-1, 3, -1, -1), draw)
    torch.testing.assert_close(ColorJitter().transform(grey, draw).expand(-1, 3, -1, -1), coloured)


def test_strength_zero_leaves_the_image(photos: Photos) -> None:
    images, still = photos(3, 8), ColorJitter(brightness=0, contrast=0, saturation=0)
    assert torch.equal(still.transform(images, still.draw(3, 8, seeded())), images)


def test_factors_are_uniform_and_all_orders_equally_likely() -> None:
    draw = ColorJitter(brightness=0.4, contrast=0.3, saturation=0.2).draw(6000, 32, seeded(2))
    for column, strength in enumerate((0.4, 0.3, 0.2)):
        law = stats.uniform(1 - strength, 2 * strength)
        assert stats.kstest(draw["factors"][:, column].numpy(), law.cdf).pvalue > 0.001
    counts = [
        int((draw["order"] == torch.tensor(order)).all(dim=1).sum()) for order in itertools.permutations(range(3))
    ]
    assert sum(counts) == 6000
    assert stats.chisquare(counts).pvalue > 0.001


def test_lighting_adds_one_colour_along_the_principal_axes(photos: Photos) -> None:
    images = photos(5, 8)
    draw = Lighting().draw(5, 8, seeded(3))
    out = Lighting().transform(images, draw).double().numpy()
    for image, shares, own in zip(images.double().numpy(), draw["shares"].double().numpy(), out, strict=True):
        colour = np.array(EIGENVECTORS) @ (shares * np.array(EIGENVALUES))
        np.testing.assert_allclose(own, image + colour[:, None, None], atol=1e-6)


def test_the_axes_are_orthonormal_and_the_longest_is_that_of_greys() -> None:
    axes = np.array(EIGENVECTORS)
    np.testing.assert_allclose(axes.T @ axes, np.eye(3), atol=2e-3)
    np.testing.assert_allclose(axes[:, 0], -1 / np.sqrt(3), atol=0.02)
    assert list(EIGENVALUES) == sorted(EIGENVALUES, reverse=True)


def test_lighting_of_grey_images_is_the_mean_of_the_channels(photos: Photos) -> None:
    grey = photos(4, 8)[:, :1]
    draw = Lighting().draw(4, 8, seeded(4))
    coloured = Lighting().transform(grey.expand(-1, 3, -1, -1), draw)
    torch.testing.assert_close(Lighting().transform(grey, draw), coloured.mean(dim=1, keepdim=True))


def test_shares_are_normal_with_deviation_alpha() -> None:
    shares = Lighting(alpha=0.3).draw(4000, 8, seeded(5))["shares"].numpy()
    assert stats.kstest(shares.flatten(), stats.norm(0, 0.3).cdf).pvalue > 0.001
    np.testing.assert_allclose(np.corrcoef(shares.T), np.eye(3), atol=0.06)


@pytest.mark.parametrize("channels", [1, 3])
def test_noise_is_added_to_the_normalised_image_and_not_clipped(channels: int, photos: Photos) -> None:
    images, noise = photos(30, 16)[:, :channels], GaussianNoise(sigma=0.1)
    mean, std = (0.48, 0.45, 0.4)[:channels], (0.23, 0.22, 0.225)[:channels]
    out = noise.apply(images, noise.draw(30, 16, seeded(6)), mean=mean, std=std)
    added = ((out - images) / torch.tensor(std).view(-1, 1, 1)).flatten().double().numpy()
    assert stats.kstest(added, stats.norm(0, 0.1).cdf).pvalue > 0.001
    assert (out.min() < 0, out.max() > 1) == (True, True)


def test_noise_differs_between_images_channels_and_pixels() -> None:
    values = GaussianNoise().draw(4, 8, seeded(7))["noise"]
    assert len(values.unique()) == values.numel()
