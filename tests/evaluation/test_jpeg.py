"""The JPEG round trip against another codec, and against Pillow file by file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from kornia.enhance import jpeg_codec_differentiable
from PIL import Image, JpegImagePlugin
from sklearn.datasets import load_sample_images

from rd3.data.images import MemoryImages
from rd3.data.load import load_target
from rd3.data.streamed import StreamedImages
from rd3.evaluation.jpeg import as_jpeg, through_jpeg


@pytest.fixture(scope="module")
def photographs() -> torch.Tensor:
    """uint8 (2, 3, 64, 64)."""
    pictures = np.stack(load_sample_images().images)[:, 100:164, 200:264]
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous()


def test_it_is_a_jpeg_of_that_quality(photographs: torch.Tensor) -> None:
    """Of another codec's pictures (kornia's, 4:2:0 with floating-point arithmetic), those of the same quality are the
    nearest by far."""
    qualities = (10, 30, 60)
    for quality in qualities:
        mine = through_jpeg(photographs, quality).float()
        codec = {q: jpeg_codec_differentiable(photographs / 255, torch.full((2,), float(q))) for q in qualities}
        distance = {q: float((255 * coded - mine).abs().mean()) for q, coded in codec.items()}
        assert distance[quality] < 0.5 * min(value for q, value in distance.items() if q != quality)


def test_worse_quality_is_further_from_the_image(photographs: torch.Tensor) -> None:
    errors = [(through_jpeg(photographs, quality).float() - photographs).square().mean() for quality in (95, 75, 20)]
    assert 0 < errors[0] < errors[1] < errors[2]


def test_the_file_is_pillow_s_default_but_for_the_quality(photographs: torch.Tensor, tmp_path: Path) -> None:
    array = photographs[0].permute(1, 2, 0).numpy()
    Image.fromarray(array).save(tmp_path / "one.jpg", quality=60)
    with Image.open(tmp_path / "one.jpg") as file:
        assert JpegImagePlugin.get_sampling(file) == 2  # 4:2:0
        expected = np.asarray(file)
    np.testing.assert_array_equal(through_jpeg(photographs[:1], 60)[0].permute(1, 2, 0).numpy(), expected)


def test_grey_images_stay_grey_and_labels_stay_with_them() -> None:
    train = load_target("digits").train
    images = MemoryImages(train.batch(torch.arange(5)), train.labels[:5])
    coded = as_jpeg(images, 50)
    assert coded.shape == (1, 8, 8)
    assert torch.equal(coded.labels, images.labels)
    for place in range(5):
        assert torch.equal(coded.batch(torch.tensor([place])), through_jpeg(images.pixels[place : place + 1], 50))


def test_images_on_disk_are_coded_when_they_are_asked_for(photographs: torch.Tensor, tmp_path: Path) -> None:
    for number, picture in enumerate(photographs):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(tmp_path / f"{number}.png")
    labels = torch.tensor([0, 1])
    streamed = StreamedImages(tmp_path, ["0.png", "1.png"], labels, shape=(3, 64, 64), resize=False)
    on_disk, in_memory = as_jpeg(streamed, 75), as_jpeg(MemoryImages(photographs, labels), 75)
    assert len(on_disk) == 2
    assert on_disk.shape == (3, 64, 64)
    ids = torch.tensor([1, 0, 1])
    assert torch.equal(on_disk.to(torch.device("cpu")).batch(ids), in_memory.batch(ids))
