"""RandomResizedCrop against torchvision, pixel by pixel and in distribution."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor
from torchvision.transforms import RandomResizedCrop as TorchvisionCrop
from torchvision.transforms.v2.functional import resized_crop

from rd3.training.augment.random_resized_crop import RandomResizedCrop

Photos = Callable[[int, int], Tensor]


def boxes(draw: dict[str, Tensor]) -> list[tuple[int, int, int, int]]:
    columns = [draw[key].tolist() for key in ("top", "left", "height", "width")]
    return list(zip(*columns, strict=True))


def torchvision_crops(images: Tensor, draw: dict[str, Tensor], *, antialias: bool) -> Tensor:
    size = [images.shape[-1]] * 2
    return torch.stack(
        [resized_crop(image, *box, size, antialias=antialias) for image, box in zip(images, boxes(draw), strict=True)]
    )


@pytest.mark.parametrize("antialias", [True, False])
@pytest.mark.parametrize(("size", "scale"), [(32, 0.08), (64, 0.08), (96, 0.5), (224, 0.25)])
def test_every_image_equals_its_torchvision_crop(size: int, scale: float, antialias: bool, photos: Photos) -> None:
    images, crop = photos(16, size), RandomResizedCrop(scale=(scale, 1.0))
    draw = crop.draw(16, size, torch.Generator().manual_seed(size))
    ours = crop.transform(images, draw)
    # torchvision finds source pixels in another way without antialiasing; float32 places at 224 px are 1e-5 apart.
    tolerance = 3e-6 if antialias else 1e-5
    torch.testing.assert_close(ours, torchvision_crops(images, draw, antialias=antialias), rtol=0, atol=tolerance)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), size=st.integers(1, 40))
def test_every_box_of_every_size_equals_torchvision(data: st.DataObject, size: int, photos: Photos) -> None:
    height, width = data.draw(st.tuples(st.integers(1, size), st.integers(1, size)))
    top, left = data.draw(st.tuples(st.integers(0, size - height), st.integers(0, size - width)))
    box = {"top": top, "left": left, "height": height, "width": width}
    draw = {key: torch.tensor([value]) for key, value in box.items()}
    images = photos(1, size)
    ours = RandomResizedCrop().transform(images, draw)
    torch.testing.assert_close(ours, torchvision_crops(images, draw, antialias=True), rtol=0, atol=2e-6)


@pytest.mark.parametrize(("scale", "ratio"), [((0.08, 1.0), (3 / 4, 4 / 3)), ((0.5, 1.0), (3 / 4, 4 / 3))])
def test_crops_are_distributed_as_torchvisions(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    size, count = 224, 4000
    draw = RandomResizedCrop(scale=scale, ratio=ratio).draw(count, size, torch.Generator().manual_seed(1))
    image = torch.zeros(1, size, size)
    with torch.random.fork_rng():
        torch.manual_seed(2)
        theirs = [TorchvisionCrop.get_params(image, list(scale), list(ratio)) for _ in range(count)]
    top, left, height, width = torch.tensor(theirs).double().T
    ours = {key: value.double() for key, value in draw.items()}
    pairs = {
        "area": (ours["height"] * ours["width"], height * width),
        "ratio": (ours["width"] / ours["height"], width / height),
        "top": (ours["top"] / (size - ours["height"] + 1), top / (size - height + 1)),
        "left": (ours["left"] / (size - ours["width"] + 1), left / (size - width + 1)),
    }
    for name, (mine, other) in pairs.items():
        assert stats.ks_2samp(mine.numpy(), other.numpy()).pvalue > 0.001, name


def test_area_and_ratio_are_uniform_where_every_try_fits() -> None:
    crop = RandomResizedCrop(scale=(0.1, 0.5))
    draw = crop.draw(4000, 2000, torch.Generator().manual_seed(3))
    area = (draw["height"] * draw["width"]).double() / 2000**2
    log_ratio = (draw["width"].double() / draw["height"]).log()
    low, high = torch.tensor(crop.ratio).double().log().tolist()
    assert stats.kstest(area.numpy(), stats.uniform(0.1, 0.4).cdf).pvalue > 0.001
    assert stats.kstest(log_ratio.numpy(), stats.uniform(low, high - low).cdf).pvalue > 0.001


@pytest.mark.parametrize("ratio", [(1.5, 2.0), (0.3, 0.6)])
@pytest.mark.parametrize("size", [32, 45])
def test_where_nothing_fits_the_largest_centred_crop_is_torchvisions(size: int, ratio: tuple[float, float]) -> None:
    draw = RandomResizedCrop(scale=(1, 1), ratio=ratio).draw(3, size, torch.Generator().manual_seed(0))
    expected = TorchvisionCrop.get_params(torch.zeros(1, size, size), [1.0, 1.0], list(ratio))
    assert boxes(draw) == [tuple(expected)] * 3


@pytest.mark.parametrize("size", [8, 28, 32, 64, 224])
def test_scale_one_is_the_identity_bit_by_bit(size: int, photos: Photos) -> None:
    images, crop = photos(4, size), RandomResizedCrop(scale=(1.0, 1.0))
    draw = crop.draw(4, size, torch.Generator().manual_seed(0))
    assert boxes(draw) == [(0, 0, size, size)] * 4
    assert torch.equal(crop.transform(images, draw), images)


@settings(max_examples=40, deadline=None)
@given(size=st.integers(2, 300))
def test_without_the_shortcut_scale_one_draws_only_whole_images(size: int) -> None:
    crop = RandomResizedCrop(scale=(1.0 - 1e-12, 1.0))
    assert not crop.is_identity
    draw = crop.draw(64, size, torch.Generator().manual_seed(size))
    assert set(boxes(draw)) == {(0, 0, size, size)}


def test_a_whole_image_among_crops_stays_as_it_is(photos: Photos) -> None:
    images = photos(2, 32)
    draw = {key: torch.tensor(value) for key, value in {"top": [0, 3], "left": [0, 5]}.items()}
    draw |= {key: torch.tensor([32, 20]) for key in ("height", "width")}
    ours = RandomResizedCrop().transform(images, draw)
    assert torch.equal(ours[0], images[0])
    assert not torch.equal(ours[1], images[1])


def test_gradients_flow_to_the_pixels_of_the_crop_only(photos: Photos) -> None:
    images = photos(1, 12).requires_grad_()
    draw = {
        "top": torch.tensor([2]),
        "left": torch.tensor([4]),
        "height": torch.tensor([6]),
        "width": torch.tensor([5]),
    }
    RandomResizedCrop().transform(images, draw).sum().backward()
    assert images.grad is not None
    touched = (images.grad != 0).any(dim=(0, 1))
    expected = torch.zeros(12, 12, dtype=torch.bool)
    expected[2:8, 4:9] = True
    assert torch.equal(touched, expected)
    assert images.grad.sum().item() == pytest.approx(3 * 144, rel=1e-5)


@pytest.mark.parametrize("size", [28, 32, 64, 224, 500])
def test_stored_coordinates_are_half_precision_fractions_read_back_as_whole_pixels(size: int) -> None:
    exact = RandomResizedCrop().draw(3000, size, torch.Generator().manual_seed(4))
    stored = RandomResizedCrop(coordinates="fp16-trunc").draw(3000, size, torch.Generator().manual_seed(4))
    for key, values in exact.items():
        expected = [int(float(np.float16(pixels / size)) * size) for pixels in values.tolist()]
        assert stored[key].tolist() == expected, key
        assert set((values - stored[key]).tolist()) <= {0, 1}
    shifted = torch.stack([exact[key] != stored[key] for key in exact]).any(dim=0)
    assert (size & (size - 1) == 0) != shifted.any(), "only sides that are powers of two come back as they were"


@settings(max_examples=40, deadline=None)
@given(size=st.one_of(st.integers(1, 40), st.integers(4000, 8192)), smallest=st.floats(1e-4, 1))
def test_stored_crops_stay_inside_of_the_image(size: int, smallest: float) -> None:
    crop = RandomResizedCrop(scale=(smallest, 1.0), coordinates="fp16-trunc")
    draw = crop.draw(64, size, torch.Generator().manual_seed(size))
    for start, length in (("top", "height"), ("left", "width")):
        assert (draw[start] >= 0).all()
        assert (draw[length] >= 1).all()
        assert (draw[start] + draw[length] <= size).all()


def test_shared_crops_follow_the_law_of_single_ones() -> None:
    shared, single = RandomResizedCrop(shared=True), RandomResizedCrop()
    generator = torch.Generator().manual_seed(6)
    ours = torch.stack([torch.stack(list(shared.draw(50, 224, generator).values()))[:, 0] for _ in range(1000)])
    theirs = torch.stack(list(single.draw(1000, 224, generator).values()), dim=1)
    for column in range(4):
        assert stats.ks_2samp(ours[:, column].numpy(), theirs[:, column].numpy()).pvalue > 0.001
