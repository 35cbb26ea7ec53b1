"""Flip, padded crop and patch shuffle copy pixels: compared bit by bit with plain loops."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torchvision.transforms.v2.functional import hflip

from rd3.training.augment.flip import Flip
from rd3.training.augment.padded_crop import PaddedCrop
from rd3.training.augment.patch_shuffle import PatchShuffle

Photos = Callable[[int, int], Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_flipped_images_are_torchvisions_and_the_others_untouched(photos: Photos) -> None:
    images = photos(10, 15)
    draw = Flip().draw(10, 15, seeded())
    assert 0 < draw["flip"].sum() < 10
    for image, flip, out in zip(images, draw["flip"], Flip().transform(images, draw), strict=True):
        assert torch.equal(out, hflip(image) if flip else image)


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 1.0])
def test_the_flip_rate_is_p(p: float) -> None:
    flips = int(Flip(p=p).draw(20_000, 32, seeded(1))["flip"].sum())
    assert stats.binomtest(flips, 20_000, p).pvalue > 0.001


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 24), padding=st.integers(0, 9), seed=st.integers(0, 10**6))
def test_a_padded_crop_is_padding_and_slicing(size: int, padding: int, seed: int, photos: Photos) -> None:
    images, crop = photos(3, size), PaddedCrop(padding=padding)
    draw = crop.draw(3, size, seeded(seed))
    out = crop.transform(images, draw)
    for i, (top, left) in enumerate(zip(draw["top"].tolist(), draw["left"].tolist(), strict=True)):
        padded = F.pad(images[i], (padding,) * 4)
        assert torch.equal(out[i], padded[:, top : top + size, left : left + size])


def test_shifts_are_uniform_and_independent_over_the_axes() -> None:
    draw = PaddedCrop(padding=4).draw(20_000, 32, seeded(2))
    for key in ("top", "left"):
        assert stats.chisquare(torch.bincount(draw[key], minlength=9).numpy()).pvalue > 0.001
    table = torch.bincount(draw["top"] * 9 + draw["left"], minlength=81)
    assert stats.chisquare(table.numpy()).pvalue > 0.001


def strips_joined(image: Tensor, order: list[int], axis: int) -> Tensor:
    factor, size = len(order), image.shape[axis]
    width = size // factor
    bounds = [k * width for k in range(factor)] + [size]
    strips = [image.narrow(axis, bounds[k], bounds[k + 1] - bounds[k]) for k in range(factor)]
    return torch.cat([strips[k] for k in order], dim=axis)


@settings(max_examples=40, deadline=None)
@given(factor=st.integers(1, 5), size=st.integers(5, 23), seed=st.integers(0, 10**6))
def test_patch_shuffle_joins_permuted_strips_on_both_axes(factor: int, size: int, seed: int, photos: Photos) -> None:
    images, shuffle = photos(3, size), PatchShuffle(factor=factor)
    draw = shuffle.draw(3, size, seeded(seed))
    out = shuffle.transform(images, draw)
    for i in range(3):
        vertical = strips_joined(images[i], draw["columns"][i].tolist(), axis=2)
        assert torch.equal(out[i], strips_joined(vertical, draw["rows"][i].tolist(), axis=1))


def test_patch_shuffle_of_a_mosaic_moves_whole_pictures(photos: Photos) -> None:
    tiles = photos(4, 8)
    mosaic = torch.cat([torch.cat([tiles[0], tiles[1]], dim=2), torch.cat([tiles[2], tiles[3]], dim=2)], dim=1)
    out = PatchShuffle(factor=2).transform(
        mosaic[None], {"rows": torch.tensor([[1, 0]]), "columns": torch.tensor([[1, 0]])}
    )
    places = [out[0, :, top : top + 8, left : left + 8] for top in (0, 8) for left in (0, 8)]
    assert all(torch.equal(place, tiles[k]) for place, k in zip(places, (3, 2, 1, 0), strict=True))


def test_all_orders_of_strips_are_equally_likely() -> None:
    draw = PatchShuffle(factor=3).draw(12_000, 30, seeded(3))
    for key in ("rows", "columns"):
        codes = (draw[key] * torch.tensor([9, 3, 1])).sum(dim=1)
        _, counts = codes.unique(return_counts=True)
        assert len(counts) == 6
        assert stats.chisquare(counts.numpy()).pvalue > 0.001


def test_patch_shuffle_with_factor_one_is_the_identity(photos: Photos) -> None:
    images, shuffle = photos(3, 9), PatchShuffle(factor=1)
    assert torch.equal(shuffle.transform(images, shuffle.draw(3, 9, seeded())), images)


def test_a_noop_shuffle_draws_as_usual_and_changes_nothing(photos: Photos) -> None:
    images, noop = photos(6, 16), PatchShuffle(factor=2, noop=True)
    draws = {flag: PatchShuffle(factor=2, noop=flag).draw(6, 16, seeded(1)) for flag in (False, True)}
    assert all(torch.equal(draws[False][key], draws[True][key]) for key in ("rows", "columns"))
    assert torch.equal(noop.transform(images, draws[True]), images)
    assert not torch.equal(PatchShuffle(factor=2).transform(images, draws[True]), images)


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_shared_flip_has_one_coin_of_rate_p(p: float) -> None:
    flip, generator = Flip(p=p, shared=True), seeded(5)
    flips = sum(int(flip.draw(64, 32, generator)["flip"].sum()) for _ in range(2000))
    assert stats.binomtest(flips, 2000, p).pvalue > 0.001
