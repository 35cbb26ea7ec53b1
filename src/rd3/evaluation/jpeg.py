"""A JPEG round trip, for protocols whose images were published as JPEG files."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from rd3.data.images import Images, MemoryImages, as_levels


def as_jpeg(images: Images, quality: int) -> Images:
    """The images as they come back from JPEG files: at once if they are in memory, else batch by batch."""
    if isinstance(images, MemoryImages):
        return MemoryImages(through_jpeg(images.pixels, quality), images.labels)
    return JpegImages(images, quality)


class JpegImages:
    """Images that go through JPEG whenever they are asked for."""

    def __init__(self, images: Images, quality: int) -> None:
        self._images = images
        self._quality = quality

    @property
    def labels(self) -> Tensor:
        return self._images.labels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self._images.shape

    def __len__(self) -> int:
        return len(self._images)

    def batch(self, indices: Tensor) -> Tensor:
        return through_jpeg(self._images.batch(indices), self._quality)

    def to(self, device: torch.device) -> JpegImages:
        return JpegImages(self._images.to(device), self._quality)


def through_jpeg(pixels: Tensor, quality: int) -> Tensor:
    """uint8 pictures (N, C, H, W), C = 1 or 3, coded and decoded by Pillow one by one, with its 4:2:0 subsampling.

    Raw floats are clamped and rounded to 8 bits first, as a file holds those.
    """
    pictures = [_round_trip(picture, quality) for picture in as_levels(pixels).cpu().permute(0, 2, 3, 1).numpy()]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous().to(pixels.device)


def _round_trip(picture: np.ndarray, quality: int) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(picture.shape)
