"""Mosaics against a plain loop over Pillow-like crops and torchvision's bilinear resize."""

from __future__ import annotations

import pytest
import torch
from torchvision.transforms.functional import InterpolationMode, resize

from rd3.base.errors import UserError
from rd3.base.spec import parse
from rd3.data.load import load_target
from rd3.data.mosaic import PADDING, Decode, decoded, repeated


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return load_target("digits").train.batch(torch.arange(5)).float() / 255


def by_hand(picture: torch.Tensor, top: int, left: int, side: int) -> torch.Tensor:
    part = picture[:, top : top + side, left : left + side]
    return resize(part[None], list(picture.shape[-2:]), InterpolationMode.BILINEAR, antialias=False)[0]


@pytest.mark.parametrize("order", ["rows", "columns"])
@pytest.mark.parametrize("factor", [2, 4])
def test_every_part_is_enlarged_to_the_full_side(pictures: torch.Tensor, factor: int, order: str) -> None:
    found = decoded(pictures, Decode(factor=factor, order=order))
    side, expected = 8 // factor, []
    for first in range(factor):
        for second in range(factor):
            row, column = (first, second) if order == "rows" else (second, first)
            expected += [by_hand(picture, row * side, column * side, side) for picture in pictures]
    torch.testing.assert_close(found, torch.stack(expected), rtol=0, atol=1e-6)


def test_the_orders_are_those_that_released_code_names() -> None:
    """IDC: tl, tr, bl, br; IDM: tl, bl, tr, br."""
    quadrants = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).repeat_interleave(4, 0).repeat_interleave(4, 1)[None, None]
    means = {
        order: decoded(quadrants, Decode(order=order)).mean(dim=(1, 2, 3)).tolist() for order in ("rows", "columns")
    }
    assert means == {"rows": [1, 2, 3, 4], "columns": [1, 3, 2, 4]}


def test_a_side_that_the_factor_does_not_divide_is_filled_up_with_grey(pictures: torch.Tensor) -> None:
    found = decoded(pictures, Decode(factor=3))
    padded = torch.full((5, 1, 9, 9), PADDING)
    padded[..., :8, :8] = pictures
    expected = resize(padded[..., 6:, 6:], [8, 8], InterpolationMode.BILINEAR, antialias=False)
    assert found.shape == (45, 1, 8, 8)
    torch.testing.assert_close(found[-5:], expected, rtol=0, atol=1e-6)


def test_labels_are_repeated_in_the_order_of_the_images() -> None:
    assert repeated(torch.tensor([7, 8]), Decode()).tolist() == [7, 8] * 4
    assert repeated(torch.eye(2), Decode(factor=3)).shape == (18, 2)


def test_a_factor_of_one_is_no_mosaic() -> None:
    with pytest.raises(UserError, match=r"decode: factor = 1: .*greater than or equal to 2"):
        parse(Decode, {"factor": 1}, where="decode")
