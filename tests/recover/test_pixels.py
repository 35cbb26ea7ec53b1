from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from rd3.recover.pixels import Pixels, PixelSpace

SPACE = PixelSpace((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
LEVELS = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)


@given(st.tuples(*[st.floats(0, 1)] * 3), st.tuples(*[st.floats(0.05, 1)] * 3))
def test_every_level_survives_the_round_trip(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    space = PixelSpace(mean, std)
    assert torch.equal(space.decode(space.encode(LEVELS)), LEVELS)


def test_floor_goes_down_and_round_to_the_nearest() -> None:
    space = PixelSpace((0.0,), (1.0,))
    images = torch.tensor([10.2, 10.8, -3.0, 300.0]).view(1, 1, 2, 2) / 255
    assert space.decode(images, quantise="round").flatten().tolist() == [10, 11, 0, 255]
    assert space.decode(images, quantise="floor").flatten().tolist() == [10, 10, 0, 255]


def test_pixels_are_put_back_between_black_and_white_channel_by_channel() -> None:
    pixels = Pixels(torch.tensor([-100.0, 0.0, 100.0]).view(3, 1, 1, 1).expand(3, 3, 1, 1), SPACE)
    pixels.constrain()
    black, white = (SPACE.encode(torch.full((3, 1, 1), level, dtype=torch.uint8)) for level in (0, 255))
    torch.testing.assert_close(pixels.images()[0], black)
    torch.testing.assert_close(pixels.images()[2], white)
    assert torch.equal(pixels.images()[1], torch.zeros(3, 1, 1))
