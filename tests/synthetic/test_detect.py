"""Which readings fit: seams of mosaics, and what a teacher makes of a set."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from rd3.base.errors import UserError
from rd3.data.mosaic import Decode
from rd3.data.spaces import DC_FAMILY
from rd3.data.target import Target
from rd3.study.bench import require_alike
from rd3.synthetic import Synthetic
from rd3.synthetic.detect import AmbiguousPixelsError, form_of, is_mosaic, seam, space_of


def mosaics(photos: Target) -> torch.Tensor:
    parts = photos.train.batch(torch.arange(256))[..., ::2, ::2].view(64, 4, 3, 16, 16)
    rows = [torch.cat([parts[:, a], parts[:, b]], dim=3) for a, b in ((0, 1), (2, 3))]
    return torch.cat(rows, dim=2)


def test_real_pictures_have_no_seam_and_mosaics_of_them_have(photos: Target) -> None:
    whole = photos.train.batch(torch.arange(64))
    assert 0.8 < seam(whole) < 1.3
    assert not is_mosaic(whole)
    assert seam(mosaics(photos)) > 2
    assert is_mosaic(mosaics(photos))


def test_noise_and_tiny_parts_have_none(photos: Target) -> None:
    noise = torch.rand(40, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert not is_mosaic(noise)
    assert seam(photos.train.batch(torch.arange(9))[..., :6, :6]) == 1


def test_raw_pictures_need_no_target(photos: Target) -> None:
    unit = photos.train.batch(torch.arange(9)).float() / 255
    assert space_of(unit, ("raw01", "zca_kornia"), None)[0] == "raw01"
    with pytest.raises(UserError, match="raw01, zca_kornia are possible; give the target, or say which"):
        space_of(unit * 1.2 - 0.2, ("raw01", "zca_kornia"), None)
    with pytest.raises(UserError, match=r"std [^:]*: norm_dc, zca_kornia are possible; .* pixels = norm_dc"):
        space_of(unit * 4 - 2, ("raw01", "norm_dc", "zca_kornia"), None)


def test_a_target_of_ones_own_is_not_normalised_by_others_statistics_unasked(photos: Target) -> None:
    """CIFAR-10's, ImageNet's and its own are too alike to tell: a wrong one costs contrast unseen."""
    unit = photos.train.batch(torch.arange(100)).float() / 255
    mean, std = (torch.tensor(values).view(-1, 1, 1) for values in DC_FAMILY["cifar10"])
    with pytest.raises(AmbiguousPixelsError, match="by whose statistics pictures of 'photos' are normalised") as caught:
        space_of((unit - mean) / std, ("raw01", "norm_dc", "norm_cifar10", "norm_imagenet", "zca_kornia"), photos)
    assert {"norm_imagenet", "norm_cifar10", "norm_target"} <= set(caught.value.readings)


def test_whitened_and_raw_pictures_of_the_same_deviation_differ_in_their_mean(photos: Target) -> None:
    unit = photos.train.batch(torch.arange(100)).float() / 255
    assert space_of(unit * 1.2 - 0.1, ("raw01", "norm_true"), photos)[0] == "raw01"
    mean, std = unit.mean(dim=(0, 2, 3), keepdim=True), unit.std(dim=(0, 2, 3), keepdim=True)
    assert space_of((unit - mean) / std, ("raw01", "norm_true"), photos)[0] == "norm_true"
    with pytest.raises(UserError, match="fits none of raw01, norm_true on 'photos'"):
        space_of(7 * (unit - mean) / std, ("raw01", "norm_true"), photos)


def test_only_what_a_target_can_have_is_offered(photos: Target) -> None:
    """The DC family has no statistics of these pictures, and CIFAR-10's are for CIFAR-100."""
    far = 7 * photos.train.batch(torch.arange(9)).float() / 255 - 3
    with pytest.raises(UserError, match=r"fits none of norm_true on 'photos'; .* pixels = norm_target or .*--pixels"):
        space_of(far, ("norm_dc", "norm_true"), photos)
    with pytest.raises(UserError, match=r"no space of this format is usual for 'photos'; .*norm_target") as caught:
        space_of(far, ("norm_dc", "norm_cifar10"), photos)
    assert "norm_dc" not in str(caught.value)


def test_rows_tell_what_soft_labels_are_unless_the_format_does() -> None:
    rows = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    assert form_of(rows, None)[0] == "logits"
    assert form_of(rows.softmax(1), None)[0] == "probabilities"
    assert form_of(rows.softmax(1), "logits")[0] == "probabilities"
    assert form_of(rows.exp(), "unnormalised")[0] == "unnormalised"
    assert form_of(rows - rows.mean(1, keepdim=True), "centred")[0] == "centred"


def test_draws_of_a_mean_must_be_alike(grey: Synthetic) -> None:
    require_alike([grey, grey])
    learned = replace(grey, learned_lr=0.1)
    with pytest.raises(UserError, match=r"draws differ in their learned rate: .*; evaluate them one by one"):
        require_alike([grey, learned])
    decoded = replace(grey, manifest=grey.manifest.model_copy(update={"decode": Decode()}))
    with pytest.raises(UserError, match="draws differ in their decode"):
        require_alike([grey, decoded])
    with pytest.raises(UserError, match="no set to evaluate"):
        require_alike([])
