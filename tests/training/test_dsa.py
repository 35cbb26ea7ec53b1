"""DSA against kornia, closed forms and plain loops, with the same parameters; and its draws against their laws."""

from __future__ import annotations

import math
from collections.abc import Callable

import kornia.geometry.transform as kornia
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import Tensor

from rd3.training.augment.dsa import ALL, DSA

Photos = Callable[[int, int], Tensor]
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
OPERATIONS = ALL.split("_")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normalised(images: Tensor) -> Tensor:
    return (images - torch.tensor(MEAN).view(-1, 1, 1)) / torch.tensor(STD).view(-1, 1, 1)


def test_the_published_strategy_and_strengths_are_the_defaults() -> None:
    dsa = DSA()
    assert set(dsa.operations) == {"color", "crop", "cutout", "flip", "scale", "rotate"}
    assert (dsa.flip, dsa.rotate, dsa.saturation, dsa.brightness, dsa.contrast) == (0.5, 15, 2, 1, 0.5)
    assert (dsa.scale, dsa.crop, dsa.cutout) == (1.2, 0.125, 0.5)


def test_color_is_brightness_then_saturation_then_contrast(photos: Photos) -> None:
    images, dsa = normalised(photos(4, 12)), DSA(strategy="color")
    draw = dsa.draw(4, 12, seeded())
    for i, out in enumerate(dsa.transform(images, draw).numpy()):
        x = images[i].double().numpy() + draw["brightness"][i].item()
        grey = x.mean(axis=0, keepdims=True)
        x = (x - grey) * draw["saturation"][i].item() + grey
        x = (x - x.mean()) * draw["contrast"][i].item() + x.mean()
        np.testing.assert_allclose(out, x, atol=2e-5)


@pytest.mark.parametrize(("size", "shift"), [(28, 4), (32, 4), (64, 8)])
def test_crop_shifts_whole_pixels_and_fills_with_zero(size: int, shift: int, photos: Photos) -> None:
    images, dsa = normalised(photos(5, size)), DSA(strategy="crop")
    draw = dsa.draw(5, size, seeded())
    out = dsa.transform(images, draw)
    for i, (top, left) in enumerate(zip(draw["top"].tolist(), draw["left"].tolist(), strict=True)):
        padded = F.pad(images[i], (shift,) * 4)
        assert torch.equal(out[i], padded[:, top : top + size, left : left + size])


@pytest.mark.parametrize(
    ("size", "fraction", "side"), [(32, 0.5, 16), (28, 0.5, 14), (64, 0.5, 32), (32, 0.4, 13), (9, 0.5, 5)]
)
def test_cutout_empties_one_clipped_square(size: int, fraction: float, side: int, photos: Photos) -> None:
    images, dsa = normalised(photos(40, size)), DSA(strategy="cutout", cutout=fraction)
    draw = dsa.draw(40, size, seeded())
    out = dsa.transform(images, draw)
    for i, (row, column) in enumerate(zip(draw["row"].tolist(), draw["column"].tolist(), strict=True)):
        expected = images[i].clone()
        for y in range(row - side // 2, row - side // 2 + side):
            for x in range(column - side // 2, column - side // 2 + side):
                if 0 <= y < size and 0 <= x < size:
                    expected[:, y, x] = 0
        assert torch.equal(out[i], expected)


def test_cutout_leaves_the_mean_colour_in_pixel_space(photos: Photos) -> None:
    images, dsa = photos(3, 32), DSA(strategy="cutout")
    draw = dsa.draw(3, 32, seeded())
    out = dsa.apply(images, draw, mean=MEAN, std=STD)
    hole = dsa.transform(torch.ones_like(images), draw) == 0
    filled = torch.tensor(MEAN).view(3, 1, 1).expand_as(images)
    assert torch.equal(out[hole], filled[hole])
    torch.testing.assert_close(out[~hole], images[~hole])


def test_rotation_equals_kornias(photos: Photos) -> None:
    images, dsa = normalised(photos(6, 32)), DSA(strategy="rotate")
    draw = dsa.draw(6, 32, seeded())
    expected = kornia.rotate(images, torch.rad2deg(draw["angle"]), mode="bilinear", padding_mode="zeros")
    torch.testing.assert_close(dsa.transform(images, draw), expected, atol=1e-4, rtol=0)


def test_scaling_equals_kornias_with_the_inverse_factor(photos: Photos) -> None:
    images, dsa = normalised(photos(6, 32)), DSA(strategy="scale")
    draw = dsa.draw(6, 32, seeded())
    factor = 1 / torch.stack([draw["width"], draw["height"]], dim=1)
    expected = kornia.scale(images, factor, mode="bilinear", padding_mode="zeros")
    torch.testing.assert_close(dsa.transform(images, draw), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("align_corners", [True, False])
def test_both_corner_conventions_of_published_code_agree_on_squares(align_corners: bool, photos: Photos) -> None:
    images, dsa = normalised(photos(6, 32)), DSA()
    draw = dsa.draw(6, 32, seeded())
    cos, sin, zero = draw["angle"].cos(), draw["angle"].sin(), torch.zeros(6)
    turned = torch.stack([cos, -sin, zero, sin, cos, zero], dim=1).view(6, 2, 3)
    stretched = torch.stack([draw["width"], zero, zero, zero, draw["height"], zero], dim=1).view(6, 2, 3)
    for name, theta in {"rotate": turned, "scale": stretched}.items():
        grid = F.affine_grid(theta, [6, 3, 32, 32], align_corners=align_corners)
        expected = F.grid_sample(images, grid, align_corners=align_corners)
        own = draw | {"op": torch.tensor([OPERATIONS.index(name)])}
        torch.testing.assert_close(dsa.transform(images, own), expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", OPERATIONS)
def test_choosing_on_the_host_and_on_the_device_give_the_same_bits(name: str, photos: Photos) -> None:
    images, index = normalised(photos(5, 16)), OPERATIONS.index(name)
    draw = DSA().draw(5, 16, seeded())
    on_host = DSA().transform(images, draw | {"op": torch.tensor([index])})
    on_device = DSA().transform(images, draw | {"op": torch.full((5,), index)})
    assert torch.equal(on_host, on_device)
    assert torch.equal(on_host, DSA(strategy=name).transform(images, draw | {"op": torch.tensor([0])}))


def test_one_operation_per_image_applies_each_images_own(photos: Photos) -> None:
    images, dsa = normalised(photos(30, 16)), DSA(per_batch_op=False)
    draw = dsa.draw(30, 16, seeded())
    assert len(draw["op"].unique()) == 6
    out = dsa.transform(images, draw)
    for i in range(30):
        own = {key: value[i : i + 1] for key, value in draw.items()}
        torch.testing.assert_close(out[i : i + 1], dsa.transform(images[i : i + 1], own))


def test_a_siamese_draw_does_the_same_to_every_image_of_two_batches(photos: Photos) -> None:
    image, dsa = photos(1, 32), DSA(siamese=True)
    for seed in range(12):
        draw = dsa.draw(7, 32, seeded(seed))
        small, large = (dsa.apply(image.expand(n, -1, -1, -1), draw, mean=MEAN, std=STD) for n in (2, 7))
        torch.testing.assert_close(small[:1].expand_as(large), large)


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_differentiable_in_the_images(name: str, photos: Photos) -> None:
    dsa = DSA(strategy=name)
    images = normalised(photos(2, 6)).double().requires_grad_()
    draw = dsa.draw(2, 6, seeded(1))
    assert torch.autograd.gradcheck(lambda x: dsa.transform(x, draw), images)


def test_operations_are_drawn_uniformly_per_batch() -> None:
    dsa, generator = DSA(), seeded(4)
    ops = torch.cat([dsa.draw(1, 32, generator)["op"] for _ in range(3000)])
    assert stats.chisquare(torch.bincount(ops, minlength=6).numpy()).pvalue > 0.001


def test_parameters_follow_their_published_laws() -> None:
    draw = {key: value.double().numpy() for key, value in DSA().draw(8000, 32, seeded(5)).items()}
    degrees = math.radians(15)
    laws = {
        "brightness": (-0.5, 0.5),
        "saturation": (0, 2),
        "contrast": (0.5, 1.5),
        "angle": (-degrees, degrees),
        "width": (1 / 1.2, 1.2),
        "height": (1 / 1.2, 1.2),
    }
    for name, (low, high) in laws.items():
        assert stats.kstest(draw[name], stats.uniform(low, high - low).cdf).pvalue > 0.001, name
    for name, count in {"top": 9, "left": 9, "row": 33, "column": 33}.items():
        assert stats.chisquare(np.bincount(draw[name].astype(int), minlength=count)).pvalue > 0.001, name
    assert stats.binomtest(int(draw["flip"].sum()), 8000, 0.5).pvalue > 0.001
    assert abs(stats.pearsonr(draw["width"], draw["height"]).statistic) < 0.03


@pytest.mark.parametrize("size", [28, 32, 64])
def test_shifts_and_holes_reach_as_far_as_the_published_code_lets_them(size: int) -> None:
    draw = DSA().draw(5000, size, seeded(6))
    shift, side = int(0.125 * size + 0.5), int(0.5 * size + 0.5)
    for key in ("top", "left"):  # randint(-shift, shift + 1), here counted from the padded corner
        assert sorted(set((draw[key] - shift).tolist())) == list(range(-shift, shift + 1))
    for key in ("row", "column"):  # randint(0, size + (1 - side % 2))
        assert sorted(set(draw[key].tolist())) == list(range(size + 1 - side % 2))


def test_the_strategy_for_digits_has_five_operations_and_none_is_a_flip(photos: Photos) -> None:
    digits = DSA(strategy="color_crop_cutout_scale_rotate")
    assert digits == DSA().without_flip()
    generator = seeded(7)
    ops = torch.cat([digits.draw(1, 28, generator)["op"] for _ in range(2000)])
    assert stats.chisquare(torch.bincount(ops, minlength=5).numpy()).pvalue > 0.001
    images = normalised(photos(3, 28))
    for seed in range(20):
        draw = digits.draw(3, 28, seeded(seed))
        results = [digits.transform(images, draw | {"flip": torch.full((3,), flip)}) for flip in (False, True)]
        assert torch.equal(*results)
