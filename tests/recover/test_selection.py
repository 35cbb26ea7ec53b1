from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.transforms.v2 import functional as oracle

from rd3.base.errors import UserError
from rd3.base.seeds import derive_seed
from rd3.data.target import Target
from rd3.recover.selection import Selector, lowest, usual_factor
from rd3.squeeze.teacher import Teacher
from rd3.training.augment.random_resized_crop import RandomResizedCrop

CPU = torch.device("cpu")


def straightforward_patches(target: Target, teacher: Teacher, label: int, selector: Selector, seed: int) -> Tensor:
    """The best crop of every image by rank, one image and one crop at a time."""
    generator = torch.Generator().manual_seed(derive_seed("patches", seed, label))
    own = (target.train.labels == label).nonzero()[:, 0]
    chosen = own[torch.randperm(len(own), generator=generator)[: selector.images_per_class]]
    crop = RandomResizedCrop(scale=selector.scale, ratio=(1.0, 1.0))
    draw = crop.draw(len(chosen) * selector.crops_per_image, target.size, generator)
    side, scored = target.size // selector.factor, []
    for number, index in enumerate(chosen.tolist()):
        image = target.train.batch(torch.tensor([index])).float() / 255
        tries = []
        for k in range(number * selector.crops_per_image, (number + 1) * selector.crops_per_image):
            box = [int(draw[key][k]) for key in ("top", "left", "height", "width")]
            patch = oracle.resized_crop(image, *box, size=[side, side], antialias=True)
            padded = F.pad(teacher.normalise(patch), [(target.size - side) // 2] * 4)
            loss = F.cross_entropy(teacher.model(padded), torch.tensor([label]))
            tries.append((float(loss), patch[0]))
        scored.append(min(tries, key=lambda pair: pair[0]))
    return torch.stack([patch for _, patch in sorted(scored, key=lambda pair: pair[0])])


def quadrants(images: Tensor, factor: int) -> Tensor:
    """Mosaics to their patches by rank."""
    side = images.shape[-1] // factor
    parts = [
        images[:, :, r * side : (r + 1) * side, c * side : (c + 1) * side] for r in range(factor) for c in range(factor)
    ]
    return torch.cat(parts)


def test_mosaics_are_the_crops_of_lowest_loss_block_by_block(photos: Target, photos_teacher: Teacher) -> None:
    selector = Selector(factor=2, images_per_class=9, crops_per_image=3)
    images = selector.select(photos, photos_teacher, ipc=2, seed=4, device=CPU)
    assert (images.shape, images.dtype) == ((4, 3, 128, 128), torch.uint8)
    for label in range(2):
        expected = straightforward_patches(photos, photos_teacher, label, selector, seed=4)[:8]
        found = quadrants(images[2 * label : 2 * label + 2], 2).float() / 255
        assert float((found - expected).abs().max()) <= 0.5 / 255 + 1e-5


def test_small_images_are_crops_at_full_size(digits: Target, digits_teacher: Teacher) -> None:
    selector = Selector(factor=1, images_per_class=20)
    images = selector.select(digits, digits_teacher, ipc=3, seed=0, device=CPU)
    expected = straightforward_patches(digits, digits_teacher, 6, selector, seed=0)[:3]
    assert float((images[18:21].float() / 255 - expected).abs().max()) <= 0.5 / 255 + 1e-5


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(digits: Target, digits_teacher: Teacher) -> None:
    first, again, other = (
        Selector(factor=1).select(digits, digits_teacher, ipc=1, seed=seed, device=CPU) for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_teacher_recognises_selected_crops_better_than_whole_images(
    digits: Target, digits_teacher: Teacher
) -> None:
    images = Selector(factor=1).select(digits, digits_teacher, ipc=3, seed=0, device=CPU)
    labels = torch.arange(10).repeat_interleave(3)
    selected = F.cross_entropy(digits_teacher.logits(images.float() / 255), labels)
    whole = digits.train.batch(torch.arange(200)).float() / 255
    assert selected < F.cross_entropy(digits_teacher.logits(whole), digits.train.labels[:200])


def test_more_images_are_looked_at_when_the_mosaics_need_them(digits: Target, digits_teacher: Teacher) -> None:
    selector = Selector(factor=2, images_per_class=5, crops_per_image=2)
    assert selector.looks(digits, 1) == 10 * 5 * 2
    assert selector.looks(digits, 3) == 10 * 12 * 2
    assert selector.select(digits, digits_teacher, ipc=3, seed=0, device=CPU).shape == (30, 1, 8, 8)


def test_another_order_takes_other_patches(digits: Target, digits_teacher: Teacher) -> None:
    easy = Selector(factor=1, images_per_class=30)
    hard = dataclasses.replace(easy, order=lambda losses, count: losses.argsort(descending=True, stable=True)[:count])
    images = [s.select(digits, digits_teacher, ipc=1, seed=0, device=CPU).float() / 255 for s in (easy, hard)]
    losses = [F.cross_entropy(digits_teacher.logits(image), torch.arange(10)) for image in images]
    assert losses[0] < losses[1]


def test_ties_are_ranked_by_position() -> None:
    assert lowest(torch.tensor([0.0, 1.0, 0.0, -1.0, 0.0]), 4).tolist() == [3, 0, 2, 4]


def test_the_factor_is_two_from_128_pixels_on() -> None:
    assert [usual_factor(size) for size in (8, 64, 127, 128, 224)] == [1, 1, 1, 2, 2]


def test_progress_ends_at_one(digits: Target, digits_teacher: Teacher) -> None:
    seen: list[float] = []
    Selector(factor=1, images_per_class=2).select(
        digits, digits_teacher, ipc=1, seed=0, device=CPU, progress=seen.append
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(
    ("factor", "ipc", "message"),
    [
        (3, 1, r"factor = 3 does not divide the image side 8"),
        (2, 40, r"ipc = 40 with 4 patches .* class '\w+' has only"),
    ],
)
def test_what_cannot_be_made_is_refused(
    digits: Target, digits_teacher: Teacher, factor: int, ipc: int, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Selector(factor=factor).select(digits, digits_teacher, ipc=ipc, seed=0, device=CPU)
