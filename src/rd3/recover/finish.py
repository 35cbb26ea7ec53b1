"""What a file format does to pixels."""

from __future__ import annotations

import io
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SavedAs = Literal["png", "jpeg"]


def saved_as(images: Tensor, kind: SavedAs) -> Tensor:
    """uint8 images (N, C, H, W) as they come back from a file.

    Args:
        kind: `png` keeps every pixel; `jpeg`, in Pillow's default quality, is how most reference scripts save, and a
            visible loss at 32 px.
    """
    if kind == "png":
        return images
    return torch.stack([_jpeg(image) for image in images.cpu()]).to(images.device)


def _jpeg(image: Tensor) -> Tensor:
    pixels = image.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, format="jpeg")
    decoded = np.array(Image.open(buffer))
    return torch.from_numpy(decoded).reshape(pixels.shape).permute(2, 0, 1)
