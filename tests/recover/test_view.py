from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms.v2 import functional as oracle

from rd3.recover.view import View, constant_crop, curriculum_crop
from rd3.training.augment.random_resized_crop import RandomResizedCrop

IMAGES = torch.rand(6, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shown(view: View, seed: int = 0, progress: float = 0.0, images: Tensor = IMAGES) -> Tensor:
    return view.draw(len(images), images.shape[-1], progress, generator(seed))(images)


def test_a_view_without_operations_is_the_image_itself() -> None:
    assert shown(View()) is IMAGES


@pytest.mark.parametrize("milestone", [1.0, 0.5])
def test_the_curriculum_goes_from_the_whole_image_to_the_smallest_crops(milestone: float) -> None:
    smallest = curriculum_crop(milestone)
    assert smallest(0.0) == 1.0
    assert smallest(milestone / 2) == pytest.approx(0.08 + 0.92 / 2)
    assert smallest(milestone / 4) == pytest.approx(0.08 + 0.92 * (1 + math.sqrt(0.5)) / 2)
    assert smallest(milestone) == smallest(1.0) == 0.08


def test_the_curriculum_shows_the_whole_image_first() -> None:
    view = View(crop=curriculum_crop())
    assert torch.equal(shown(view, progress=0.0), IMAGES)
    assert not torch.equal(shown(view, progress=0.9), IMAGES)


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_draw_is_one_crop_then_one_flip_then_one_roll(seed: int) -> None:
    view = View(crop=constant_crop(0.2), flip=True, roll=4)
    stream = generator(seed)
    draw = RandomResizedCrop(scale=(0.2, 1.0)).draw(1, 12, stream)
    flip = float(torch.rand(1, generator=stream)) < 0.5
    down, right = torch.randint(0, 5, (2,), generator=stream).tolist()
    box = [int(draw[key]) for key in ("top", "left", "height", "width")]
    expected = oracle.resized_crop(IMAGES, *box, size=[12, 12], antialias=True)
    expected = oracle.horizontal_flip(expected) if flip else expected
    expected = torch.roll(expected, (down, right), dims=(2, 3))
    torch.testing.assert_close(shown(view, seed), expected, rtol=1e-6, atol=1e-6)


def test_a_sample_draw_is_another_for_every_image() -> None:
    same = IMAGES[:1].expand(6, -1, -1, -1)
    for view in (View(crop=constant_crop(), per_sample=True), View(roll=6, per_sample=True)):
        assert len({tuple(image.flatten().tolist()) for image in shown(view, images=same)}) > 3
    flips = shown(View(flip=True, per_sample=True), images=same)
    assert {"same" if torch.equal(image, same[0]) else "mirrored" for image in flips} == {"same", "mirrored"}
    assert all(torch.equal(image, same[0]) or torch.equal(image, same[0].flip(-1)) for image in flips)


def test_a_sample_draw_rolls_every_image_as_torch_does() -> None:
    shifts = torch.randint(-3, 4, (2, 6), generator=generator())
    expected = torch.stack([IMAGES[k].roll((int(shifts[0, k]), int(shifts[1, k])), (1, 2)) for k in range(6)])
    assert torch.equal(shown(View(roll=3, roll_symmetric=True, per_sample=True)), expected)


@given(st.integers(0, 2**32), st.integers(1, 5), st.booleans(), st.booleans())
def test_rolls_stay_in_their_range(seed: int, roll: int, symmetric: bool, per_sample: bool) -> None:
    marked = torch.zeros(4, 1, 20, 20)
    marked[:, :, 10, 10] = 1
    view = View(roll=roll, roll_symmetric=symmetric, per_sample=per_sample)
    places = shown(view, seed, images=marked).nonzero()[:, 2:] - 10
    assert len(places) == 4
    assert -roll * symmetric <= int(places.min()) <= int(places.max()) <= roll


def test_both_ends_of_the_range_are_reached() -> None:
    marked = torch.zeros(200, 1, 9, 9)
    marked[:, :, 4, 4] = 1
    for symmetric, lowest in ((True, -2), (False, 0)):
        view = View(roll=2, roll_symmetric=symmetric, per_sample=True)
        assert set((shown(view, images=marked).nonzero()[:, 2] - 4).tolist()) == set(range(lowest, 3))


@pytest.mark.parametrize("per_sample", [False, True])
def test_a_transform_repeats_itself_and_passes_gradients(per_sample: bool) -> None:
    view = View(crop=constant_crop(0.3), flip=True, roll=2, per_sample=per_sample)
    images = IMAGES[:2, :1, :5, :5].contiguous().requires_grad_()
    transform = view.draw(2, 5, 0.5, generator(3))
    assert torch.equal(transform(images), transform(images))
    assert torch.autograd.gradcheck(transform, (images,))


@pytest.mark.parametrize("per_sample", [False, True])
def test_padding_cuts_out_of_a_border_of_mean_colour(per_sample: bool) -> None:
    view, stream = View(padding=2, per_sample=per_sample), generator(1)
    corners = (torch.rand((2, 6 if per_sample else 1), generator=stream) * 5).floor().long().expand(2, 6)
    padded = torch.nn.functional.pad(IMAGES, (2, 2, 2, 2))
    expected = [oracle.crop(image, int(top), int(left), 12, 12) for image, top, left in zip(padded, *corners)]  # noqa: B905
    assert torch.equal(shown(view, 1), torch.stack(expected))
