"""Every operation on 256 levels against Pillow itself, image by image, in colour and grey."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from rd3.training.augment import pillow_affine as affine
from rd3.training.augment import pillow_colours as colours

Photos = Callable[[int, int], Tensor]
Pillow = Callable[[Image.Image, float], Image.Image]
FILL = (124, 116, 104)
COUNT = 12
GRID = [(8, "RGB"), (33, "L"), (64, "RGB")]
RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def levels_of(pictures: list[Image.Image]) -> Tensor:
    arrays = [np.array(picture).reshape(*picture.size, -1) for picture in pictures]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2)


def pictures_of(photos: Photos, size: int, mode: str) -> list[Image.Image]:
    levels = (photos(COUNT, size) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(level).convert(mode) for level in levels]


def assert_equal(ours: Tensor, theirs: list[Image.Image]) -> None:
    """Bit for bit, but where Pillow was built to fuse multiply and add: there one level at a few pixels."""
    difference = (ours.int() - levels_of(theirs).int()).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 1e-3


COLOURS: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Pillow, tuple[float, float]]] = {
    "brightness": (colours.brightness, lambda p, f: ImageEnhance.Brightness(p).enhance(f), (0, 2)),
    "colour": (colours.colour, lambda p, f: ImageEnhance.Color(p).enhance(f), (0, 2)),
    "contrast": (colours.contrast, lambda p, f: ImageEnhance.Contrast(p).enhance(f), (0, 2)),
    "sharpness": (colours.sharpness, lambda p, f: ImageEnhance.Sharpness(p).enhance(f), (0, 2)),
    "solarize": (colours.solarize, ImageOps.solarize, (0, 256)),
    "autocontrast": (lambda x, _: colours.autocontrast(x), lambda p, _: ImageOps.autocontrast(p), (0, 1)),
    "equalize": (lambda x, _: colours.equalize(x), lambda p, _: ImageOps.equalize(p), (0, 1)),
    "invert": (lambda x, _: colours.invert(x), lambda p, _: ImageOps.invert(p), (0, 1)),
}


@pytest.mark.parametrize(("size", "mode"), GRID)
@pytest.mark.parametrize("name", COLOURS)
def test_values_change_as_in_pillow(name: str, size: int, mode: str, photos: Photos) -> None:
    ours, theirs, (low, high) = COLOURS[name]
    pictures, amounts = pictures_of(photos, size, mode), torch.linspace(low, high, COUNT, dtype=torch.float64)
    expected = [theirs(picture, amount) for picture, amount in zip(pictures, amounts.tolist(), strict=True)]
    assert_equal(ours(levels_of(pictures), amounts), expected)


def test_posterize_keeps_upper_bits_and_none_is_black(photos: Photos) -> None:
    pictures, bits = pictures_of(photos, 16, "RGB")[:8], torch.arange(1, 9)
    expected = [ImageOps.posterize(picture, kept) for picture, kept in zip(pictures, bits.tolist(), strict=True)]
    assert torch.equal(colours.posterize(levels_of(pictures), bits), levels_of(expected))
    assert not colours.posterize(levels_of(pictures), torch.zeros(8, dtype=torch.int64)).any()


@pytest.mark.parametrize("level", [0, 77, 255])
def test_an_image_of_one_level_is_neither_stretched_nor_flattened(level: int) -> None:
    constant = torch.full((2, 3, 9, 9), level, dtype=torch.uint8)
    assert torch.equal(colours.autocontrast(constant), constant)
    assert torch.equal(colours.equalize(constant), constant)


def test_levels_survive_the_way_to_floats_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(colours.to_levels(levels.float() / 255), levels)
    assert torch.equal(colours.to_unit(levels), levels.float() / 255)
    assert colours.to_levels(torch.tensor([-0.1, 0.4 / 255, 0.6 / 255, 1.2])).tolist() == [0, 0, 1, 255]


def by_matrix(entries: Callable[[float], tuple[float, ...]], resample: Image.Resampling) -> Pillow:
    def moved(picture: Image.Image, amount: float) -> Image.Image:
        fill = FILL if picture.mode == "RGB" else FILL[0]
        transform = Image.Transform.AFFINE
        return picture.transform(picture.size, transform, entries(amount), resample=resample, fillcolor=fill)

    return moved


GEOMETRY: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[float], tuple[float, ...]], float]] = {
    "shear-x": (affine.shear_x, lambda s: (1, s, 0, 0, 1, 0), 0.3),
    "shear-y": (affine.shear_y, lambda s: (1, 0, 0, s, 1, 0), 0.3),
    "shift-x": (affine.shift_x, lambda s: (1, 0, s, 0, 1, 0), 9.3),
    "shift-y": (affine.shift_y, lambda s: (1, 0, 0, 0, 1, s), 9.3),
}


@pytest.mark.parametrize(("size", "mode"), GRID)
@pytest.mark.parametrize("interpolation", RESAMPLING)
@pytest.mark.parametrize("name", GEOMETRY)
def test_affine_maps_read_pillows_pixels(name: str, interpolation: str, size: int, mode: str, photos: Photos) -> None:
    to_maps, entries, most = GEOMETRY[name]
    pictures, amounts = pictures_of(photos, size, mode), torch.linspace(-most, most, COUNT, dtype=torch.float64)
    theirs = by_matrix(entries, RESAMPLING[interpolation])
    fill = torch.tensor(FILL if mode == "RGB" else FILL[:1], dtype=torch.uint8)
    ours = getattr(affine, interpolation)(levels_of(pictures), to_maps(amounts), fill)
    assert_equal(ours, [theirs(picture, amount) for picture, amount in zip(pictures, amounts.tolist(), strict=True)])


@pytest.mark.parametrize(("size", "mode"), GRID)
@pytest.mark.parametrize("interpolation", RESAMPLING)
def test_rotations_are_pillows(interpolation: str, size: int, mode: str, photos: Photos) -> None:
    pictures, degrees = pictures_of(photos, size, mode), torch.linspace(-30, 30, COUNT + 1, dtype=torch.float64)[1:]
    fill, resample = FILL if mode == "RGB" else FILL[0], RESAMPLING[interpolation]
    expected = [
        picture.rotate(angle, resample=resample, fillcolor=fill)
        for picture, angle in zip(pictures, degrees.tolist(), strict=True)
    ]
    levels, fills = levels_of(pictures), torch.tensor(fill, dtype=torch.uint8).view(-1)
    assert_equal(getattr(affine, interpolation)(levels, affine.rotation(degrees, size), fills), expected)
