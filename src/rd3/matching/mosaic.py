"""Packing images into mosaics, which `rd3.data.mosaic.decoded` takes apart again."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from rd3.data.mosaic import Decode


def packed(images: Tensor, decode: Decode) -> Tensor:
    """Images (parts · N, C, S, S), in the order of `decoded`, to N mosaics.

    Each is reduced by averaging areas; by 2 that is what bilinear interpolation does. What a tile has beyond the right
    or lower edge, where the factor does not divide the side, is lost.
    """
    size, factor = images.shape[-1], decode.factor
    tile = -(-size // factor)
    small = F.adaptive_avg_pool2d(images, tile).unflatten(0, (decode.parts, -1))
    canvas = images.new_empty(*small.shape[1:3], tile * factor, tile * factor)
    for index, part in enumerate(small):
        row, column = divmod(index, factor) if decode.order == "rows" else divmod(index, factor)[::-1]
        canvas[..., row * tile : (row + 1) * tile, column * tile : (column + 1) * tile] = part
    return canvas[..., :size, :size].clone()
