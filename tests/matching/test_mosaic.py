"""Mosaics: packed, taken apart, and learned through."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from rd3.data.mosaic import Decode, decoded
from rd3.matching.initial import mosaics
from rd3.matching.learnable import Learnable
from rd3.matching.mosaic import packed
from rd3.matching.pixels import Space, normalised
from rd3.matching.sampler import ClassSampler


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("order", ["rows", "columns"])
@pytest.mark.parametrize(("factor", "size"), [(2, 8), (3, 9), (3, 8), (2, 7)])
def test_taking_apart_gives_the_packed_images_in_their_order(order, factor, size):
    decode = Decode(factor=factor, order=order)
    flat = torch.arange(decode.parts * 2).float().view(-1, 1, 1, 1).expand(-1, 3, size, size) / 40
    apart = decoded(packed(flat, decode), decode)
    assert apart.shape == flat.shape
    middle = size // 2 - (1 if size % factor else 0)
    torch.testing.assert_close(apart[..., middle, middle], flat[..., middle, middle])


def test_tiles_are_averages_of_areas():
    images = torch.rand(8, 3, 8, 8, generator=generator())
    mosaic = packed(images, Decode(order="columns"))
    assert mosaic.shape == (2, 3, 8, 8)
    # The order by columns: top left, bottom left, top right, bottom right; each of all images first.
    corners = [(0, 0), (4, 0), (0, 4), (4, 4)]
    for part, (top, left) in enumerate(corners):
        for image in range(2):
            tile = mosaic[image, :, top : top + 4, left : left + 4]
            source = images[2 * part + image]
            expected = F.interpolate(source[None], scale_factor=0.5, mode="bilinear", align_corners=False)[0]
            torch.testing.assert_close(tile, expected)


def test_a_start_has_four_distinct_real_images_a_mosaic(digits):
    sampler = ClassSampler(digits.train, classes=10, mean=digits.mean, std=digits.std)
    start = mosaics(sampler, 2, Decode(), generator())
    assert start.shape == (10, 2, 1, 8, 8)
    small = F.avg_pool2d(normalised(digits.train.pixels, digits.mean, digits.std), 2)
    for label in range(10):
        own = small[digits.train.labels == label].flatten(1)
        tiles = [start[label, i, :, t : t + 4, u : u + 4].flatten() for i in range(2) for t in (0, 4) for u in (0, 4)]
        assert all(float((own - tile).abs().amax(1).min()) < 1e-5 for tile in tiles)
        assert len({tuple(tile.tolist()) for tile in tiles}) == 8


def test_a_small_class_gives_some_images_twice(few_digits):
    sampler = ClassSampler(few_digits, classes=10, mean=(0.3,), std=(0.4,))
    assert mosaics(sampler, 2, Decode(), generator()).shape == (10, 2, 1, 8, 8)


@pytest.mark.parametrize("raw", [True, False])
def test_networks_see_what_the_judge_will_decode(raw):
    space = Space((0.4,), (0.3,), raw=raw)
    values = torch.randn(2, 3, 1, 8, 8, generator=generator())
    learned = Learnable(values, space=space, optimiser=torch.optim.SGD, decode=Decode())
    stored = learned.raw()
    torch.testing.assert_close(stored, values if raw else values * 0.3 + 0.4)
    torch.testing.assert_close(learned.shown(1), (decoded(stored[1], Decode()) - 0.4) / 0.3)
    learned.add_gradient(learned.shown(1).square().sum())
    assert float(learned.values.grad[0].abs().sum()) == 0
    assert float(learned.values.grad[1].abs().min()) > 0


def test_clamping_and_the_start_is_not_written():
    values = torch.randn(1, 2, 1, 4, 4, generator=generator())
    copy = values.clone()
    learned = Learnable(values, space=Space((0.0,), (1.0,), raw=True), optimiser=torch.optim.SGD)
    learned.clamp()
    assert torch.equal(learned.raw(), copy.clamp(0, 1))
    assert torch.equal(values, copy)
