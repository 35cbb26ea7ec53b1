from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rd3.base.errors import UserError
from rd3.report.grid import Sheet, contact_sheet


def pixels_of(sheet: Sheet) -> Tensor:
    """uint8 (channels with alpha, height, width) as another library decodes the PNG."""
    return torch.from_numpy(np.array(Image.open(io.BytesIO(sheet.png)))).permute(2, 0, 1)


def test_the_picture_holds_the_very_pixels_a_class_a_column(digits: tuple[Tensor, Tensor]) -> None:
    images, labels = digits
    order = torch.randperm(100, generator=torch.Generator().manual_seed(0))
    sheet = contact_sheet(images[order], labels[order])
    picture = pixels_of(sheet)
    assert picture.shape == (2, sheet.height, sheet.width) == (2, 289, 289)
    for digit in range(10):
        of_class = images[order][labels[order] == digit]
        for place in range(10):
            tile = picture[:, place * 29 : place * 29 + 28, digit * 29 : digit * 29 + 28]
            assert torch.equal(tile[:1], of_class[place])
            assert tile[1].min() == 255
    assert picture[1, 28].max() == 0, "gaps are transparent"


def test_one_image_a_class_makes_one_row(digits: tuple[Tensor, Tensor]) -> None:
    images, labels = digits
    sheet = contact_sheet(images[::10], labels[::10])
    assert (sheet.height, sheet.width) == (28, 289)
    assert torch.equal(pixels_of(sheet)[:1, :, 5 * 29 : 5 * 29 + 28], images[50])


def test_colour_images_stay_in_colour() -> None:
    images = torch.randint(0, 256, (6, 3, 5, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sheet = contact_sheet(images, torch.tensor([0, 0, 0, 1, 1, 1]))
    assert torch.equal(pixels_of(sheet)[:3, 12:17, 8:15], images[5])


@pytest.mark.parametrize(("shape", "times"), [((8, 8), 4), ((5, 7), 5), ((16, 16), 2), ((28, 28), 1), ((64, 64), 1)])
def test_tiny_images_are_repeated_pixel_by_pixel(shape: tuple[int, int], times: int) -> None:
    images = torch.randint(0, 256, (6, 3, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    sheet = contact_sheet(images, torch.tensor([0, 0, 0, 1, 1, 1]), usual_side=32)
    height, width = (side * times for side in shape)
    tile = pixels_of(sheet)[:3, 2 * (height + 1) :, width + 1 :]
    assert tile.shape[1:] == (height, width)
    for row in range(times):
        for column in range(times):
            assert torch.equal(tile[:, row::times, column::times], images[5])


def test_raw_floats_are_shown_as_they_would_be_printed(digits: tuple[Tensor, Tensor]) -> None:
    images, labels = digits
    same = contact_sheet(images.float() / 255, labels)
    assert torch.equal(pixels_of(same), pixels_of(contact_sheet(images, labels)))
    bright = contact_sheet(images.float() / 255 + 2, labels)
    assert pixels_of(bright)[0, :28, :28].min() == 255


def test_what_is_left_out_is_said(digits: tuple[Tensor, Tensor]) -> None:
    sheet = contact_sheet(*digits, per_class=4, max_classes=3)
    assert sheet.note == "Shown: the first 4 of 10 images per class and the first 3 of 10 classes."
    assert sheet.shown == (0, 1, 2)
    assert (sheet.height, sheet.width) == (4 * 29 - 1, 3 * 29 - 1)
    assert contact_sheet(*digits).note == ""


def test_classes_of_unequal_size_leave_gaps(digits: tuple[Tensor, Tensor]) -> None:
    sheet = contact_sheet(digits[0][:13], digits[1][:13])
    assert pixels_of(sheet)[1, 3 * 29 :, 29:].max() == 0


def test_large_images_are_averaged_down() -> None:
    from sklearn.datasets import load_sample_images

    photos = torch.from_numpy(np.stack(load_sample_images().images)).permute(0, 3, 1, 2).contiguous()
    sheet = contact_sheet(photos, torch.tensor([0, 1]))
    assert sheet.side == 112
    small = pixels_of(sheet)[:3, :, :112].float()
    assert small.mean((1, 2)).numpy() == pytest.approx(photos[0].float().mean((1, 2)).numpy(), abs=0.5)


@pytest.mark.parametrize("shape", [(0, 3, 8, 8), (4, 2, 8, 8)])
def test_what_cannot_be_shown_is_refused(shape: tuple[int, int, int, int]) -> None:
    with pytest.raises(UserError, match="cannot be shown"):
        contact_sheet(torch.zeros(shape, dtype=torch.uint8), torch.zeros(shape[0], dtype=torch.int64))
