"""FRePo's augmentation against kornia, scipy, closed forms and plain loops, and its draws against their laws."""

from __future__ import annotations

import math
from collections.abc import Callable

import kornia.geometry.transform as kornia
import numpy as np
import pytest
import torch
from scipy import ndimage, stats
from torch import Tensor

from rd3.base.errors import UserError
from rd3.training.augment.base import augment, parse_augmentation
from rd3.training.augment.frepo import ALL, FRePoAugmentation

Photos = Callable[[int, int], Tensor]
OPERATIONS = ALL.split("_")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sampled(image: Tensor, row: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Bilinear samples of (C, S, S) at places in pixels, 0 outside."""
    places = np.meshgrid(row, column, indexing="ij")
    return np.stack([ndimage.map_coordinates(each, places, order=1, mode="grid-constant") for each in image.numpy()])


def test_the_released_strengths_are_the_defaults() -> None:
    one = FRePoAugmentation()
    assert one.operations == ("flip", "color", "crop", "rotate", "translate", "cutout")
    assert (one.flip, one.color, one.zoom, one.rotate, one.translate, one.cutout) == (0.5, 0.25, 1.25, 15, 0.125, 0.25)


def test_color_is_brightness_then_contrast_then_saturation(photos: Photos) -> None:
    images, one = photos(4, 12) - 0.5, FRePoAugmentation(strategy="color")
    draw = one.draw(4, 12, seeded())
    for i, out in enumerate(one.transform(images, draw).numpy()):
        x = images[i].double().numpy() + draw["brightness"][i].item()
        x = (x - x.mean()) * draw["contrast"][i].item() + x.mean()
        grey = x.mean(axis=0, keepdims=True)
        np.testing.assert_allclose(out, (x - grey) * draw["saturation"][i].item() + grey, atol=2e-6)


@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.25])
def test_crop_zooms_about_the_centre_and_shifts(zoom: float, photos: Photos) -> None:
    size, images, one = 16, photos(2, 16) - 0.5, FRePoAugmentation(strategy="crop")
    row, column = 0.5 * abs(zoom - 1), -abs(zoom - 1)  # in halves of the side, of the enlarged image
    draw = one.draw(2, size, seeded())
    draw |= {"zoom": torch.full((2,), zoom), "crop_row": torch.full((2,), row)}
    out = one.transform(images, draw | {"crop_column": torch.full((2,), column)})
    place = np.arange(size) - (size - 1) / 2
    rows, columns = ((place + shift * size / 2) / zoom + (size - 1) / 2 for shift in (row, column))
    for image, found in zip(images, out.numpy(), strict=True):
        np.testing.assert_allclose(found, sampled(image, rows, columns), atol=1e-5)


def test_translate_moves_by_parts_of_pixels(photos: Photos) -> None:
    images, one = photos(3, 16) - 0.5, FRePoAugmentation(strategy="translate")
    draw = one.draw(3, 16, seeded())
    for i, out in enumerate(one.transform(images, draw).numpy()):
        down, right = (8 * draw[name][i].item() for name in ("down", "right"))
        np.testing.assert_allclose(out, sampled(images[i], np.arange(16) - down, np.arange(16) - right), atol=1e-5)


def test_rotate_is_kornias(photos: Photos) -> None:
    images, one = photos(3, 16) - 0.5, FRePoAugmentation(strategy="rotate")
    draw = one.draw(3, 16, seeded())
    turned = kornia.rotate(images, draw["angle"] * 180 / math.pi, align_corners=True)
    torch.testing.assert_close(one.transform(images, draw), turned, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("size", "side"), [(32, 8), (28, 7), (10, 2)])
def test_cutout_empties_a_square_inside(size: int, side: int) -> None:
    one = FRePoAugmentation(strategy="cutout")
    holes = (one.transform(torch.ones(60, 1, size, size), one.draw(60, size, seeded()))[:, 0] == 0).numpy()
    for hole in holes:
        rows, columns = np.flatnonzero(hole.any(1)), np.flatnonzero(hole.any(0))
        assert hole.sum() == side * side
        assert np.ptp(rows) == np.ptp(columns) == side - 1


def test_flip_mirrors_the_drawn_ones(photos: Photos) -> None:
    images, one = photos(6, 8), FRePoAugmentation(strategy="flip")
    draw = one.draw(6, 8, seeded())
    for image, out, flipped in zip(images, one.transform(images, draw), draw["flip"].tolist(), strict=True):
        assert torch.equal(out, image.flip(-1) if flipped else image)


def test_one_operation_a_batch_is_drawn_evenly() -> None:
    one, generator = FRePoAugmentation(), seeded(1)
    ops = torch.cat([one.draw(3, 8, generator)["op"] for _ in range(1500)])
    assert stats.chisquare(torch.bincount(ops, minlength=6).numpy()).pvalue > 0.001


def test_parameters_have_their_laws() -> None:
    draw = FRePoAugmentation().draw(4000, 32, seeded(2))

    def uniform(values: Tensor, low: float, high: float) -> None:
        assert stats.kstest(values.numpy(), "uniform", args=(low, high - low)).pvalue > 0.001

    uniform(draw["brightness"], -0.25, 0.25)
    uniform(draw["contrast"].log(), -0.25, 0.25)
    uniform(draw["saturation"].log(), -0.25, 0.25)
    uniform(draw["zoom"].log(), math.log(0.8), math.log(1.25))
    uniform(draw["crop_row"] / (draw["zoom"] - 1).abs(), -1, 1)
    uniform(draw["angle"], -math.radians(15), math.radians(15))
    uniform(draw["down"], -0.25, 0.25)  # of half the side: an eighth of the side
    holes = torch.bincount(draw["hole_column"], minlength=25).numpy()
    assert len(holes) == 25
    assert stats.chisquare(holes).pvalue > 0.001


def test_the_operation_is_the_one_that_was_drawn(photos: Photos) -> None:
    images, one = photos(3, 8) - 0.5, FRePoAugmentation()
    for index, name in enumerate(OPERATIONS):
        draw = one.draw(3, 8, seeded(index)) | {"op": torch.tensor([index])}
        alone = FRePoAugmentation(strategy=name)
        assert torch.equal(one.transform(images, draw), alone.transform(images, draw | {"op": torch.tensor([0])}))


def test_digits_have_no_flip_and_a_protocol_names_it() -> None:
    parsed = parse_augmentation({"kind": "frepo"})
    kept = parsed.without_flip()
    assert isinstance(kept, FRePoAugmentation)
    assert kept.strategy == "color_crop_rotate_translate_cutout"
    assert FRePoAugmentation(strategy="flip").without_flip() is None
    with pytest.raises(UserError, match="FRePo operation 'scale'"):
        parse_augmentation({"kind": "frepo", "strategy": "flip_scale"})


def test_same_seed_same_images(photos: Photos) -> None:
    images, one = photos(5, 8), FRePoAugmentation()
    first, second = (augment(images, [one], seeded(7), (0.4,) * 3, (0.2,) * 3) for _ in range(2))
    assert torch.equal(first, second)
