"""The validation transform against torchvision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from rd3.base.errors import UserError
from rd3.training.validation import resize_and_crop

Photos = Callable[[int, int], Tensor]


@pytest.mark.parametrize(
    ("size", "resize", "crop"), [(224, 256, 224), (64, 72, 64), (128, 144, 128), (100, 64, 64), (50, 41, 32)]
)
def test_it_is_torchvisions_resize_and_centre_crop(size: int, resize: int, crop: int, photos: Photos) -> None:
    images = photos(3, size)
    theirs = v2.Compose([v2.Resize(resize, antialias=True), v2.CenterCrop(crop)])(images)
    ours = resize_and_crop(images, resize=resize, crop=crop)
    assert ours.shape == (3, 3, crop, crop)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(40, 61), (90, 37)])
def test_the_shorter_side_decides(height: int, width: int, photos: Photos) -> None:
    images = photos(2, 96)[..., :height, :width]
    theirs = v2.Compose([v2.Resize(32, antialias=True), v2.CenterCrop(27)])(images)
    torch.testing.assert_close(resize_and_crop(images, resize=32, crop=27), theirs, rtol=0, atol=1e-6)


def test_the_same_size_is_the_identity(photos: Photos) -> None:
    images = photos(2, 32)
    assert torch.equal(resize_and_crop(images, resize=32, crop=32), images)


def test_a_crop_larger_than_the_image_is_refused(photos: Photos) -> None:
    with pytest.raises(UserError, match="crop = 40: allowed is at most resize = 32"):
        resize_and_crop(photos(1, 32), resize=32, crop=40)
