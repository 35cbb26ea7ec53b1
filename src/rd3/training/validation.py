"""What test images go through before they are normalised."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from rd3.base.errors import UserError


def resize_and_crop(images: Tensor, *, resize: int, crop: int) -> Tensor:
    """Resize the shorter side and cut out the middle, as torchvision does on float tensors.

    Args:
        images: float (B, C, H, W).
        resize: the shorter side after resizing (bilinear, antialiased), in pixels.
        crop: the side of the square that is kept.

    Returns:
        Float (B, C, crop, crop); a view of `images` where nothing is resized.

    Raises:
        UserError: if the crop is larger than what it is cut from.
    """
    if crop > resize:
        raise UserError(f"crop = {crop}: allowed is at most resize = {resize}")
    height, width = images.shape[-2:]
    if min(height, width) != resize:
        shorter = min(height, width)
        size = [int(resize * side / shorter) for side in (height, width)]
        images = F.interpolate(images, size=size, mode="bilinear", antialias=True)
    top, left = (round((side - crop) / 2) for side in images.shape[-2:])
    return images[..., top : top + crop, left : left + crop]
