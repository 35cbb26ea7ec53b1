"""Images as a protocol with ZCA whitening has them: whitened once, in one of the ways of `rd3.data.whitening`."""

from __future__ import annotations

from functools import lru_cache

import torch

from rd3.data.images import Images, MemoryImages, as_unit
from rd3.data.target import Target
from rd3.data.whitening import Whitening, WhiteningKind, chunks, whitening_of


@lru_cache(maxsize=1)
def whitened_test(target: Target, kind: WhiteningKind, epsilon: float, device: torch.device) -> MemoryImages:
    """The target's test split, whitened."""
    return whitened(target.test.to(device), whitening_of(target, kind, epsilon, device))


def whitened(images: Images, whitening: Whitening) -> MemoryImages:
    """All images, whitened once: floats of any sign."""
    # times 255 and back: the last bit of results that were made when pictures travelled on the scale of bytes
    values = [(255 * whitening(as_unit(pixels))).div_(255) for pixels in chunks(images)]
    return MemoryImages(torch.cat(values), images.labels)
