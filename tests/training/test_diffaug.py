"""DiffAug's policy against DSA's operations applied one after the other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor

from rd3.training.augment.base import parse_augmentation
from rd3.training.augment.diffaug import DiffAug
from rd3.training.augment.dsa import ALL, DSA

Photos = Callable[[int, int], Tensor]
RESAMPLING = ("crop", "scale", "rotate")


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def one(name: str, images: Tensor, draw: dict[str, Tensor]) -> Tensor:
    return DSA(strategy=name).transform(images, draw | {"op": torch.tensor([0])})


@pytest.mark.parametrize("index", range(3))
def test_flip_and_colour_come_first_then_one_of_three_then_cutout(index: int, photos: Photos) -> None:
    images, augmentation = photos(6, 16) - 0.5, DiffAug()
    draw = augmentation.draw(6, 16, seeded(index)) | {"op": torch.tensor([index])}
    expected = images
    for name in ("flip", "color", RESAMPLING[index], "cutout"):
        expected = one(name, expected, draw)
    assert not torch.equal(expected, images)
    assert torch.equal(augmentation.transform(images, draw), expected)


def test_one_of_three_is_drawn_evenly_for_a_batch() -> None:
    augmentation, generator = DiffAug(strategy=ALL), seeded(1)
    assert augmentation.choices == RESAMPLING
    ops = torch.cat([augmentation.draw(5, 32, generator)["op"] for _ in range(1500)])
    assert stats.chisquare(torch.bincount(ops, minlength=3).numpy()).pvalue > 0.001


@pytest.mark.parametrize(
    ("strategy", "order"),
    [
        ("color_crop_cutout", ("color", "crop", "cutout")),
        ("color_crop", ("color", "crop")),
        ("flip_color", ("flip", "color")),
        ("color_crop_flip_scale_rotate", ("flip", "color", "rotate")),
    ],
)
def test_what_the_strategy_lacks_is_left_out(strategy: str, order: tuple[str, ...], photos: Photos) -> None:
    images, augmentation = photos(4, 16) - 0.5, DiffAug(strategy=strategy)
    draw = augmentation.draw(4, 16, seeded(3))
    draw |= {"op": torch.tensor([max(len(augmentation.choices) - 1, 0)])}
    expected = images
    for name in order:
        expected = one(name, expected, draw)
    assert torch.equal(augmentation.transform(images, draw), expected)


def test_a_shared_draw_does_the_same_to_every_image(photos: Photos) -> None:
    image, augmentation = photos(1, 16) - 0.5, DiffAug(siamese=True)
    for seed in range(6):
        draw = augmentation.draw(9, 16, seeded(seed))
        small, large = (augmentation.transform(image.expand(n, -1, -1, -1), draw) for n in (2, 9))
        torch.testing.assert_close(small[:1].expand_as(large), large)


def test_parameters_differ_between_images_otherwise(photos: Photos) -> None:
    image, augmentation = photos(1, 16) - 0.5, DiffAug()
    shown = augmentation.transform(image.expand(8, -1, -1, -1), augmentation.draw(8, 16, seeded()))
    assert len({tuple(each.flatten().tolist()) for each in shown}) == 8


def test_digits_have_no_flip_and_a_protocol_names_it() -> None:
    parsed = parse_augmentation({"kind": "diffaug", "strategy": "color_crop_flip_scale_rotate"})
    assert isinstance(parsed, DiffAug)
    assert parsed.without_flip() == DiffAug(strategy="color_crop_scale_rotate")
    assert DiffAug(strategy="flip").without_flip() is None
