from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torchvision.transforms.v2 import functional as oracle

from rd3.recover.patches import cut, mosaic, true_class_loss
from rd3.squeeze.teacher import Teacher


@pytest.mark.parametrize(("size", "side"), [(16, 16), (16, 8), (30, 10)])
def test_cuts_are_torchvisions_antialiased_resized_crops(size: int, side: int) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(8, 3, size, size, generator=generator, dtype=torch.float64)
    extents = torch.randint(1, size + 1, (2, 8), generator=generator)
    starts = (torch.rand(2, 8, generator=generator) * (size + 1 - extents)).long()
    draw = {"top": starts[0], "left": starts[1], "height": extents[0], "width": extents[1]}
    boxes = zip(*(draw[key].tolist() for key in ("top", "left", "height", "width")), strict=True)
    expected = [
        oracle.resized_crop(image, *box, size=[side, side], antialias=True)
        for image, box in zip(images, boxes, strict=True)
    ]
    torch.testing.assert_close(cut(images, draw, side), torch.stack(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("factor", [1, 2, 3])
def test_a_mosaic_decodes_back_to_the_ranked_patches(factor: int) -> None:
    ranked = torch.rand(5 * factor**2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    images = mosaic(ranked, factor)
    assert images.shape == (5, 3, 4 * factor, 4 * factor)
    decoded = [
        images[k, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        for row in range(factor)
        for column in range(factor)
        for k in range(5)
    ]
    assert torch.equal(torch.stack(decoded), ranked)


@pytest.mark.parametrize("side", [8, 4, 3])
def test_patches_are_scored_in_the_middle_of_an_image_of_the_mean_colour(digits_teacher: Teacher, side: int) -> None:
    patches = torch.rand(6, 1, side, side, generator=torch.Generator().manual_seed(0))
    canvas = torch.full((6, 1, 8, 8), digits_teacher.mean[0])
    first = (8 - side) // 2
    canvas[:, :, first : first + side, first : first + side] = patches
    expected = -F.log_softmax(digits_teacher.logits(canvas), dim=1)[:, 7]
    torch.testing.assert_close(true_class_loss(digits_teacher, patches, 7, size=8), expected, rtol=1e-4, atol=1e-5)
