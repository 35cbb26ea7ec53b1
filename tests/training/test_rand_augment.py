"""RandAugment against torchvision and timm on Pillow pictures, with the same draws; the draws against their laws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import timm.data.auto_augment as timm_augment
import torch
from PIL import Image
from scipy import stats
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms import RandAugment as TorchvisionRandAugment
from torchvision.transforms.autoaugment import _apply_op

from rd3.training.augment import rand_augment, timm_rand_augment
from rd3.training.augment.base import Draw
from rd3.training.augment.rand_augment import RandAugment
from rd3.training.augment.timm_rand_augment import TimmRandAugment

Photos = Callable[[int, int], Tensor]
DELT = {"translate_const": 117, "img_mean": (124, 116, 104)}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures_of(images: Tensor) -> list[Image.Image]:
    levels = (images * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return [Image.fromarray(level.squeeze(-1) if level.shape[-1] == 1 else level) for level in levels]


def assert_same(ours: Tensor, theirs: list[Image.Image], at_most: float = 1e-3) -> None:
    expected = np.stack([np.array(picture).reshape(*picture.size, -1) for picture in theirs])
    difference = (ours.permute(0, 2, 3, 1) * 255 - torch.from_numpy(expected)).abs()
    # Pillow is the same bit for bit unless its compiler fused multiply and add; then a cut fraction may be another.
    assert (difference > 1e-3).float().mean() < at_most


def torchvision_picture(picture: Image.Image, draw: Draw, row: int, magnitude: int) -> Image.Image:
    space = TorchvisionRandAugment()._augmentation_space(31, picture.size)
    for op, negative in zip(draw["op"][row].tolist(), draw["negative"][row].tolist(), strict=True):
        name = list(space)[op]
        magnitudes, signed = space[name]
        amount = float(magnitudes[magnitude]) if magnitudes.ndim else 0.0
        amount = -amount if signed and negative else amount
        picture = _apply_op(picture, name, amount, interpolation=InterpolationMode.NEAREST, fill=None)
    return picture


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (32, 3), (64, 3)])
@pytest.mark.parametrize("magnitude", [0, 9, 23, 30])
def test_results_are_torchvisions(magnitude: int, size: int, channels: int, photos: Photos) -> None:
    images = photos(50, size)[:, :channels]
    augmentation = RandAugment(magnitude=magnitude)
    draw = augmentation.draw(50, size, seeded(magnitude))
    expected = [torchvision_picture(p, draw, row, magnitude) for row, p in enumerate(pictures_of(images))]
    assert_same(augmentation.transform(images, draw), expected)


def test_the_operations_are_torchvisions_in_their_order() -> None:
    theirs = [name.lower() for name in TorchvisionRandAugment()._augmentation_space(31, (32, 32))]
    ours = [name.replace("-", "").replace("colour", "color") for name in rand_augment.OPERATIONS]
    assert ours == theirs
    default = TorchvisionRandAugment()
    assert (default.num_ops, default.magnitude, default.num_magnitude_bins) == (2, 9, rand_augment.BINS)
    assert (RandAugment().operations, RandAugment().magnitude) == (2, 9)


def timm_picture(
    picture: Image.Image, draw: Draw, row: int, fill: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> Image.Image:
    for step, op in enumerate(draw["op"][row].tolist()):
        if op < 0:
            continue
        sign = -1 if draw["negative"][row, step] else 1
        monkeypatch.setattr(timm_augment, "_randomly_negate", lambda value, sign=sign: sign * value)
        name = timm_augment._RAND_TRANSFORMS[op]
        level = timm_augment.LEVEL_TO_ARG[name]
        arguments = level(draw["magnitude"][row, step].item(), {}) if level else ()
        resample = Image.Resampling.BICUBIC if draw["bicubic"][row, step] else Image.Resampling.BILINEAR
        fillcolor = fill if len(fill) > 1 else fill[0]
        picture = timm_augment.NAME_TO_OP[name](picture, *arguments, fillcolor=fillcolor, resample=resample)
    return picture


@pytest.mark.parametrize(
    ("size", "channels", "fill"), [(28, 1, (117,)), (32, 3, (124, 116, 104)), (64, 3, (0, 9, 255))]
)
@pytest.mark.parametrize(("magnitude", "std"), [(6, 1), (10, 0), (4.5, 0.5)])
def test_results_are_timms(
    magnitude: float,
    std: float,
    size: int,
    channels: int,
    fill: tuple[int, ...],
    photos: Photos,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = photos(60, size)[:, :channels]
    settings = {"fill": fill} if channels == 3 else {}
    augmentation = TimmRandAugment(magnitude=magnitude, magnitude_std=std, **settings)
    draw = augmentation.draw(60, size, seeded(size))
    assert (draw["magnitude"] >= 2.5).all(), "below that Pillow refuses to posterize"
    expected = [timm_picture(p, draw, row, fill, monkeypatch) for row, p in enumerate(pictures_of(images))]
    assert_same(augmentation.transform(images, draw), expected)


def test_the_defaults_are_what_timm_makes_of_delts_string() -> None:
    theirs = timm_augment.rand_augment_transform("rand-m6-n2-mstd1.0", dict(DELT))
    ours = TimmRandAugment()
    assert (theirs.num_layers, theirs.choice_weights) == (ours.operations, None)
    assert {(op.magnitude, op.magnitude_std, op.prob) for op in theirs.ops} == {(6, 1.0, timm_rand_augment.LIKELIHOOD)}
    assert theirs.ops[0].kwargs["fillcolor"] == ours.fill
    assert theirs.ops[0].kwargs["resample"] == (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
    names = [op.name.removesuffix("Rel").lower() for op in theirs.ops]
    assert [name.replace("-", "").replace("colour", "color") for name in timm_rand_augment.OPERATIONS] == names


def test_torchvisions_operations_are_drawn_uniformly_with_even_signs() -> None:
    draw = RandAugment(operations=3).draw(6000, 32, seeded(1))
    assert stats.chisquare(torch.bincount(draw["op"].flatten(), minlength=14).numpy()).pvalue > 0.001
    assert stats.binomtest(int(draw["negative"].sum()), 18_000, 0.5).pvalue > 0.001
    pairs = draw["op"][:, 0] * 14 + draw["op"][:, 1]
    assert stats.chisquare(torch.bincount(pairs, minlength=196).numpy()).pvalue > 0.001


def test_timms_draws_follow_its_laws() -> None:
    draw = TimmRandAugment(magnitude=6, magnitude_std=1).draw(8000, 32, seeded(2))
    applied = draw["op"][draw["op"] >= 0]
    assert stats.binomtest(len(applied), 16_000, 0.5).pvalue > 0.001
    assert stats.chisquare(torch.bincount(applied, minlength=15).numpy()).pvalue > 0.001
    assert stats.kstest(draw["magnitude"].flatten().numpy(), stats.norm(6, 1).cdf).pvalue > 0.001
    for name in ("negative", "bicubic"):
        assert stats.binomtest(int(draw[name].sum()), 16_000, 0.5).pvalue > 0.001, name


@pytest.mark.parametrize(("magnitude", "end"), [(0.0, 0.0), (10.0, 10.0)])
def test_magnitudes_are_clipped_to_timms_range(magnitude: float, end: float) -> None:
    values = TimmRandAugment(magnitude=magnitude, magnitude_std=5.0).draw(2000, 32, seeded(3))["magnitude"]
    assert (values.min() >= 0, values.max() <= 10) == (True, True)
    assert 0.45 < (values == end).float().mean() < 0.55


@pytest.mark.parametrize("augmentation", [RandAugment(magnitude=30), TimmRandAugment(magnitude=10.0)])
def test_no_map_mirrors(
    augmentation: RandAugment | TimmRandAugment, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rd3.training.augment import pillow_affine as affine

    determinants: list[Tensor] = []
    for name in ("nearest", "bilinear", "bicubic"):
        original = getattr(affine, name)

        def watched(images: Tensor, maps: Tensor, fill: Tensor, original: Callable[..., Tensor] = original) -> Tensor:
            determinants.append(maps[:, 0] * maps[:, 4] - maps[:, 1] * maps[:, 3])
            return original(images, maps, fill)

        monkeypatch.setattr(affine, name, watched)
    augmentation.transform(photos(200, 8), augmentation.draw(200, 8, seeded(4)))
    assert len(torch.cat(determinants)) > 50
    assert (torch.cat(determinants) > 0.5).all()
    assert augmentation.without_flip() == augmentation
