"""Lossless pictures of images."""

from __future__ import annotations

import io
from collections.abc import Iterator

from torch import Tensor


def png_files(images: Tensor) -> Iterator[bytes]:
    """Each image as the bytes of a PNG; grey ones have one channel.

    Args:
        images: uint8 (N, 1 or 3, H, W).
    """
    from PIL import Image

    for image in images.cpu().permute(0, 2, 3, 1).numpy():
        file = io.BytesIO()
        Image.fromarray(image if image.shape[2] == 3 else image[..., 0]).save(file, format="PNG")
        yield file.getvalue()
